//! Process that accepted a connection. Attached by fexit of `inet_csk_accept`, or the system calls' tracepoints.

use observer_common::{EventKind, Side};

use crate::clock::now_ns;
use crate::copy::{self, Copied};
use crate::event::{About, emit, is_wanted};
use crate::sock::{Direct, Kernel, Load, field};
use crate::tracked_socket::{self, Origin};
use crate::{file, process};

/// For kernels in which it takes two arguments.
///
/// # Safety
/// Called by the kernel with the function's arguments and its result: the accepted sock or null.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fexit/inet_csk_accept")]
unsafe extern "C" fn accept_fexit_2(context: *const u64) -> i32 {
    // SAFETY: the verifier knows the function's arguments and result.
    let sk = unsafe { *context.add(2).cast::<Kernel>() };
    accepted::<Direct>(sk, || Direct::tcp(sk));
    0
}

/// For kernels in which it takes four.
///
/// # Safety
/// Called by the kernel with the function's arguments and its result: the accepted sock or null.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fexit/inet_csk_accept")]
unsafe extern "C" fn accept_fexit_4(context: *const u64) -> i32 {
    // SAFETY: the verifier knows the function's arguments and result.
    let sk = unsafe { *context.add(4).cast::<Kernel>() };
    accepted::<Direct>(sk, || Direct::tcp(sk));
    0
}

/// # Safety
/// Called by the kernel with the tracepoint's record.
#[unsafe(no_mangle)]
#[unsafe(link_section = "tracepoint/syscalls/sys_exit_accept")]
unsafe extern "C" fn accept_exit(context: *const u8) -> i32 {
    // SAFETY: the record's result lies at byte 16.
    let result = unsafe { *context.add(16).cast::<i64>() };
    accepted_as(result);
    0
}

/// # Safety
/// Called by the kernel with the tracepoint's record.
#[unsafe(no_mangle)]
#[unsafe(link_section = "tracepoint/syscalls/sys_exit_accept4")]
unsafe extern "C" fn accept4_exit(context: *const u8) -> i32 {
    // SAFETY: the record's result lies at byte 16.
    let result = unsafe { *context.add(16).cast::<i64>() };
    accepted_as(result);
    0
}

#[inline(always)]
fn accepted_as(fd: i64) {
    if fd >= 0 {
        let tcp = file::tcp_sock(fd as u32);
        if !tcp.is_null() {
            accepted::<Copied>(tcp, || copy::of(tcp));
        }
    }
}

/// `tcp` gives what `L` reads the accepted `sk` by; null where that is no TCP socket.
#[inline(always)]
fn accepted<L: Load>(sk: Kernel, tcp: impl FnOnce() -> Kernel) {
    let actor = process::current();
    let origin = tracked_socket::get(sk).map_or_else(Origin::default, |tracked| {
        tracked.opener_pid = actor.pid;
        tracked.opener_comm = actor.comm;
        Origin::of(tracked)
    });
    if !is_wanted(EventKind::Opened) {
        return;
    }
    let tcp = tcp();
    if tcp.is_null() {
        return;
    }
    let about = About {
        kind: EventKind::Opened,
        at_ns: now_ns(),
        tcp,
        cookie: L::number(tcp, field!(cookie)),
        state: L::number(tcp, field!(state)),
        origin,
        actor: Some(actor),
    };
    emit::<L>(&about, |record| record.side = Side::Accept as u8);
}
