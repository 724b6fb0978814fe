//! From a file descriptor of the running process to its TCP socket.

use core::ptr;

use crate::process;
use crate::sock::{Kernel, Load as _, Probed, field};

const S_IFMT: u64 = 0o170_000;
const S_IFSOCK: u64 = 0o140_000;

/// The TCP socket behind `fd`; null where there is none.
#[inline(always)]
pub(crate) fn tcp_sock(fd: u32) -> Kernel {
    let files = Probed::pointer(process::task(), field!(files));
    let table = Probed::pointer(files, field!(files_table));
    if u64::from(fd) >= Probed::number(table, field!(table_max)) {
        return ptr::null();
    }
    let entries = Probed::pointer(table, field!(table_files));
    let file = Probed::load::<u64>(entries, fd as usize * size_of::<Kernel>()) as Kernel;
    let inode = Probed::pointer(file, field!(file_inode));
    if Probed::number(inode, field!(inode_mode)) & S_IFMT != S_IFSOCK {
        return ptr::null();
    }
    let socket = Probed::pointer(file, field!(file_private));
    Probed::tcp(Probed::pointer(socket, field!(socket_sk)))
}
