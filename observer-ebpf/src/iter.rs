//! Contexts that the kernel passes to an iterator's program, and the writing of records.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_seq_write, bpf_sock_from_file};

use crate::sock::{Direct, Kernel, Load as _, field};

/// `struct bpf_iter__task_file`.
#[repr(C)]
pub(crate) struct TaskFileContext {
    pub(crate) meta: *const Meta,
    pub(crate) task: Kernel,
    pub(crate) fd: u32,
    pub(crate) file: Kernel,
}

/// `struct bpf_iter__tcp`.
#[repr(C)]
pub(crate) struct TcpContext {
    pub(crate) meta: *const Meta,
    pub(crate) sk_common: Kernel,
}

/// `struct bpf_iter_meta`.
#[repr(C)]
pub(crate) struct Meta {
    seq: *mut c_void,
}

/// TCP socket of a file, null where it has none.
#[inline(always)]
pub(crate) fn tcp_of(file: Kernel) -> Kernel {
    // SAFETY: `file` is what the iterator handed us.
    let socket: Kernel = unsafe { bpf_sock_from_file(file.cast_mut().cast()) }
        .cast::<u8>()
        .cast_const();
    if socket.is_null() {
        return socket;
    }
    Direct::tcp(Direct::pointer(socket, field!(socket_sk)))
}

/// Inode number of a file.
#[inline(always)]
pub(crate) fn inode(file: Kernel) -> u64 {
    Direct::number(Direct::pointer(file, field!(file_inode)), field!(inode_ino))
}

/// Writes a record. One that does not fit makes the kernel empty its buffer and call again for the
/// same socket.
#[inline(always)]
pub(crate) fn write<T>(meta: *const Meta, record: &T) -> bool {
    // SAFETY: the verifier knows the context's layout and the record's bounds.
    let failed = unsafe {
        bpf_seq_write(
            (*meta).seq.cast(),
            (&raw const *record).cast(),
            size_of::<T>() as u32,
        )
    };
    failed == 0
}
