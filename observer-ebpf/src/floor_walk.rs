//! Walks of every file descriptor of every process that write nothing: the least that any scan costs.

use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;

use crate::iter::{TaskFileContext, tcp_of};
use crate::sock::{Direct, Load as _, field};

/// Sockets that [`count_files`] came upon.
#[map]
static TOUCHED: Array<u64> = Array::with_max_entries(1, 0);

/// Walk that does nothing.
///
/// # Safety
/// Called by the kernel with the iterator's context.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
unsafe extern "C" fn empty_files(_context: *const TaskFileContext) -> i32 {
    0
}

/// Walk that reads two fields of each TCP socket.
///
/// # Safety
/// Called by the kernel with the iterator's context.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
unsafe extern "C" fn touch_files(context: *const TaskFileContext) -> i32 {
    touch(context);
    0
}

/// Walk like [`touch_files`] that counts as well, to show that sockets are read at all.
///
/// # Safety
/// Called by the kernel with the iterator's context.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
unsafe extern "C" fn count_files(context: *const TaskFileContext) -> i32 {
    if touch(context)
        && let Some(count) = TOUCHED.get_ptr_mut(0)
    {
        // SAFETY: the map's only element, which nothing else writes during a walk.
        unsafe { *count += 1 };
    }
    0
}

/// Reads two fields of the TCP socket that a descriptor leads to, one at its head and one deep in
/// it; `false` where it leads to none.
#[inline(always)]
fn touch(context: *const TaskFileContext) -> bool {
    // SAFETY: the verifier knows the context's layout.
    let (task, file) = unsafe { ((*context).task, (*context).file) };
    if task.is_null() || file.is_null() {
        return false;
    }
    let tcp = tcp_of(file);
    if tcp.is_null() {
        return false;
    }
    // The loads are volatile: they are made although nobody wants what they yield.
    Direct::number(tcp, field!(state));
    Direct::number(tcp, field!(rcv_tstamp));
    true
}
