//! Keepalive options that are set, or tried to. Attached by fentry and fexit of the functions behind
//! setsockopt and of those that the kernel calls for itself, or the system call's tracepoints.

use aya_ebpf::helpers::generated::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::{bpf_probe_read_kernel, bpf_probe_read_user};
use aya_ebpf::macros::map;
use aya_ebpf::maps::LruHashMap;
use observer_common::socket::flag as socket_flag;
use observer_common::tracked_socket::flag;
use observer_common::{EventKind, KeepaliveOption, Via};

use crate::clock::now_ns;
use crate::copy::Copied;
use crate::counters::count;
use crate::event::{About, emit, is_wanted};
use crate::process::{self, Process};
use crate::sock::{Direct, Kernel, Load, Probed, field, state};
use crate::tracked_socket::{self, Moved, Origin};
use crate::{copy, file, listener, log, timer};

/// A call that has not returned yet.
#[repr(C)]
#[derive(Clone, Copy)]
struct Pending {
    sk: u64,
    asked: i32,
    option: u8,
    /// Bits of [`flag`].
    flags: u8,
    /// A [`Via`], 0 where not known.
    via: u8,
    padding: u8,
}

/// By thread. One that never returns falls out when others need the room.
#[map]
static PENDING: LruHashMap<u64, Pending> = LruHashMap::with_max_entries(1, 0);

const SOL_SOCKET: i32 = 1;
const SO_KEEPALIVE: i32 = 9;
const SOL_TCP: i32 = 6;
const TCP_KEEPIDLE: i32 = 4;
const TCP_KEEPINTVL: i32 = 5;
const TCP_KEEPCNT: i32 = 6;
const TCP_USER_TIMEOUT: i32 = 18;

/// The option by its numbers in setsockopt(2).
#[inline(always)]
fn option(level: i32, name: i32) -> Option<KeepaliveOption> {
    match (level, name) {
        (SOL_SOCKET, SO_KEEPALIVE) => Some(KeepaliveOption::Keepalive),
        (SOL_TCP, TCP_KEEPIDLE) => Some(KeepaliveOption::Idle),
        (SOL_TCP, TCP_KEEPINTVL) => Some(KeepaliveOption::Interval),
        (SOL_TCP, TCP_KEEPCNT) => Some(KeepaliveOption::Probes),
        (SOL_TCP, TCP_USER_TIMEOUT) => Some(KeepaliveOption::UserTimeout),
        _ => None,
    }
}

#[inline(always)]
fn thread() -> u64 {
    // SAFETY: no arguments.
    unsafe { bpf_get_current_pid_tgid() }
}

/// Arguments of `tcp_setsockopt` and `sk_setsockopt`: sock, level, name, a `sockptr_t` that takes
/// two places, length; then the result.
const VALUE: usize = 3;
const VALUE_IN_KERNEL: usize = 4;
const LENGTH: usize = 5;
const RESULT: usize = 6;

/// # Safety
/// Called by the kernel with the function's arguments.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/tcp_setsockopt")]
unsafe extern "C" fn set_tcp_fentry(context: *const u64) -> i32 {
    // SAFETY: as promised.
    unsafe { begin_function(context) };
    0
}

/// # Safety
/// Called by the kernel with the function's arguments and result.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fexit/tcp_setsockopt")]
unsafe extern "C" fn set_tcp_fexit(context: *const u64) -> i32 {
    // SAFETY: as promised.
    unsafe { end_function(context) };
    0
}

/// # Safety
/// Called by the kernel with the function's arguments.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/sk_setsockopt")]
unsafe extern "C" fn set_sk_fentry(context: *const u64) -> i32 {
    // SAFETY: as promised.
    unsafe { begin_function(context) };
    0
}

/// # Safety
/// Called by the kernel with the function's arguments and result.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fexit/sk_setsockopt")]
unsafe extern "C" fn set_sk_fexit(context: *const u64) -> i32 {
    // SAFETY: as promised.
    unsafe { end_function(context) };
    0
}

/// # Safety
/// The arguments are those of `tcp_setsockopt`.
#[inline(always)]
unsafe fn begin_function(context: *const u64) {
    // SAFETY: the verifier knows the function's arguments.
    let (sk, level, name, value, in_kernel, length) = unsafe {
        (
            *context.cast::<Kernel>(),
            *context.add(1) as i32,
            *context.add(2) as i32,
            *context.add(VALUE),
            *context.add(VALUE_IN_KERNEL) & 1 != 0,
            *context.add(LENGTH) as i32,
        )
    };
    let Some(option) = option(level, name) else {
        return;
    };
    let tcp = Direct::tcp(sk);
    if tcp.is_null() {
        return;
    }
    let via = if in_kernel {
        Some(Via::Kernel)
    } else {
        process::via()
    };
    begin::<Direct>(tcp, option, value, length, via);
}

/// # Safety
/// The arguments and the result are those of `tcp_setsockopt`.
#[inline(always)]
unsafe fn end_function(context: *const u64) {
    // SAFETY: the verifier knows the function's arguments and result.
    let (sk, level, name, result) = unsafe {
        (
            *context.cast::<Kernel>(),
            *context.add(1) as i32,
            *context.add(2) as i32,
            *context.add(RESULT) as i32,
        )
    };
    let Some(option) = option(level, name) else {
        return;
    };
    if let Some(pending) = take_pending() {
        record::<Direct>(&pending, Direct::tcp(sk), errno(result));
    } else if log::is_on() && !Direct::tcp(sk).is_null() {
        log::unpaired(option as u8);
    }
}

/// # Safety
/// Called by the kernel with the tracepoint's record.
#[unsafe(no_mangle)]
#[unsafe(link_section = "tracepoint/syscalls/sys_enter_setsockopt")]
unsafe extern "C" fn set_enter(context: *const u8) -> i32 {
    // SAFETY: after 16 bytes the record holds the arguments, 8 bytes each.
    let (fd, level, name, value, length) = unsafe {
        let argument = |i: usize| *context.add(16 + i * 8).cast::<u64>();
        (
            argument(0) as u32,
            argument(1) as i32,
            argument(2) as i32,
            argument(3),
            argument(4) as i32,
        )
    };
    if let Some(option) = option(level, name) {
        let sk = file::tcp_sock(fd);
        if !sk.is_null() {
            begin::<Probed>(sk, option, value, length, Some(Via::Syscall));
        }
    }
    0
}

/// # Safety
/// Called by the kernel with the tracepoint's record.
#[unsafe(no_mangle)]
#[unsafe(link_section = "tracepoint/syscalls/sys_exit_setsockopt")]
unsafe extern "C" fn set_exit(context: *const u8) -> i32 {
    // SAFETY: the record's result lies at byte 16.
    let result = unsafe { *context.add(16).cast::<i64>() } as i32;
    if let Some(pending) = take_pending() {
        record::<Copied>(&pending, copy::of(pending.sk as Kernel), errno(result));
    }
    0
}

/// A call begins. The socket is looked at now: it cannot go away while the call runs.
#[inline(always)]
fn begin<L: Load>(tcp: Kernel, option: KeepaliveOption, value: u64, length: i32, via: Option<Via>) {
    let mut pending = Pending {
        sk: tcp as u64,
        asked: 0,
        option: option as u8,
        flags: 0,
        via: Via::number(via),
        padding: 0,
    };
    if length >= size_of::<i32>() as i32 {
        let address = value as *const i32;
        // SAFETY: a bad address makes the helper fail.
        let asked = unsafe {
            match via {
                Some(Via::Kernel) => bpf_probe_read_kernel(address),
                _ => bpf_probe_read_user(address),
            }
        };
        if let Ok(asked) = asked {
            pending.asked = asked;
            pending.flags = flag::ASKED;
        }
    }
    // Before the call: afterwards the socket may be gone, and nothing would remove its entry.
    tracked_socket::change::<L>(tcp, L::number(tcp, field!(cookie)), Moved::No, |_| {});
    // It takes the place of the one that has waited longest. Refused only where this interrupts a
    // change of the map.
    if PENDING.insert(thread(), pending, 0).is_err() && is_wanted(EventKind::Set) {
        count(|counters| counters.events_lost += 1);
    }
}

/// The call that began last on this thread, which returns.
#[inline(always)]
fn take_pending() -> Option<Pending> {
    let thread = thread();
    // SAFETY: only this thread writes here.
    let pending = unsafe { *PENDING.get_ptr(thread)? };
    let _was_there = PENDING.remove(thread);
    Some(pending)
}

/// Error number in a function's result; 0 where there is none.
#[inline(always)]
fn errno(result: i32) -> u16 {
    if result < 0 {
        result.wrapping_neg() as u16
    } else {
        0
    }
}

/// True where the option that was just set leaves the socket without keepalive, or with one that may be
/// too late for some path.
#[inline(always)]
fn is_risky<L: Load>(option: u8, switched: Option<bool>, tcp: Kernel) -> bool {
    if option == KeepaliveOption::Keepalive as u8 {
        return !switched.unwrap_or_else(|| L::keepalive_on(tcp));
    }
    let late_from = crate::facts::switch().late_from;
    let value = if option == KeepaliveOption::Idle as u8 {
        L::number(tcp, field!(keepalive_time)) as u32
    } else if option == KeepaliveOption::Interval as u8 {
        L::number(tcp, field!(keepalive_intvl)) as u32
    } else {
        return false;
    };
    late_from != 0 && value >= late_from
}

/// Writes down what was set, and emits the event; `tcp` is what `L` reads the socket by.
#[inline(always)]
fn record<L: Load>(pending: &Pending, tcp: Kernel, errno: u16) {
    if tcp.is_null() {
        return;
    }
    let at_ns = now_ns();
    let by_kernel = pending.via == Via::Kernel as u8;
    // Who calls tcp_set_keepalive sets the flag on the socket afterwards.
    let switched = (by_kernel && pending.option == KeepaliveOption::Keepalive as u8 && errno == 0)
        .then_some(pending.asked != 0);
    let actor = (!by_kernel).then(process::current);
    timer::learn::<L>(tcp);
    if L::number(tcp, field!(state)) == state::LISTEN {
        listener::has_options();
    }
    let outcome = usize::from(errno != 0);
    let which = usize::from(pending.option).wrapping_sub(KeepaliveOption::Keepalive as usize);
    let is_risky = errno == 0 && is_risky::<L>(pending.option, switched, tcp);
    count(|counters| {
        counters.risky_sets += u64::from(is_risky);
        if let Some(count) = counters
            .sets
            .get_mut(outcome)
            .and_then(|sets| sets.get_mut(which))
        {
            *count += 1;
        }
    });
    let mut origin = Origin::default();
    if let Some(tracked) = tracked_socket::get(pending.sk as Kernel) {
        origin = Origin::of(tracked);
        tracked.set_ns = at_ns;
        let Process { pid, comm } = actor.unwrap_or_default();
        tracked.set_pid = pid;
        tracked.set_comm = comm;
        tracked.asked = pending.asked;
        tracked.errno = errno;
        tracked.option = pending.option;
        tracked.via = pending.via;
        tracked.flags = pending.flags;
        tracked.value = match switched {
            Some(on) => u32::from(on),
            None => held::<L>(tcp, pending.option),
        };
    }
    if !is_wanted(EventKind::Set) {
        return;
    }
    let about = About {
        kind: EventKind::Set,
        at_ns,
        tcp,
        cookie: L::number(tcp, field!(cookie)),
        state: L::number(tcp, field!(state)),
        origin,
        actor,
    };
    emit::<L>(&about, |record| {
        record.asked = pending.asked;
        record.errno = errno;
        record.option = pending.option;
        record.via = pending.via;
        record.flags = pending.flags;
        match switched {
            Some(true) => record.socket.flags |= socket_flag::KEEPALIVE,
            Some(false) => record.socket.flags &= !socket_flag::KEEPALIVE,
            None => {}
        }
    });
}

/// Value that the kernel holds for the option, in its own unit.
#[inline(always)]
fn held<L: Load>(tcp: Kernel, option: u8) -> u32 {
    const KEEPALIVE: u8 = KeepaliveOption::Keepalive as u8;
    const IDLE: u8 = KeepaliveOption::Idle as u8;
    const INTERVAL: u8 = KeepaliveOption::Interval as u8;
    const PROBES: u8 = KeepaliveOption::Probes as u8;
    match option {
        KEEPALIVE => u32::from(L::keepalive_on(tcp)),
        IDLE => L::number(tcp, field!(keepalive_time)) as u32,
        INTERVAL => L::number(tcp, field!(keepalive_intvl)) as u32,
        PROBES => L::number(tcp, field!(keepalive_probes)) as u32,
        _ => L::number(tcp, field!(user_timeout)) as u32,
    }
}

/// Option that the kernel sets by a function of its own: (sock, value). Where that happens inside a call
/// of `tcp_setsockopt` or `sk_setsockopt` for the same socket, those report it.
#[inline(always)]
unsafe fn by_kernel(context: *const u64, option: KeepaliveOption, result: i32) {
    // SAFETY: the verifier knows the function's arguments.
    let (sk, asked) = unsafe { (*context.cast::<Kernel>(), *context.add(1) as i32) };
    let tcp = Direct::tcp(sk);
    if tcp.is_null() {
        return;
    }
    if let Some(pending) = PENDING.get_ptr(thread()) {
        // SAFETY: the kernel keeps a value's memory while the program runs.
        if unsafe { (*pending).sk } == sk as u64 {
            return;
        }
    }
    let pending = Pending {
        sk: sk as u64,
        asked,
        option: option as u8,
        flags: flag::ASKED,
        via: Via::Kernel as u8,
        padding: 0,
    };
    tracked_socket::change::<Direct>(tcp, Direct::number(tcp, field!(cookie)), Moved::No, |_| {});
    record::<Direct>(&pending, tcp, errno(result));
}

/// # Safety
/// Called by the kernel with the function's arguments; it returns nothing.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fexit/tcp_set_keepalive")]
unsafe extern "C" fn set_keepalive_fexit(context: *const u64) -> i32 {
    // SAFETY: as promised.
    unsafe { by_kernel(context, KeepaliveOption::Keepalive, 0) };
    0
}

/// One program for a function of (sock, value) that returns a result.
macro_rules! by_kernel {
    ($name:ident, $section:literal, $option:ident) => {
        /// # Safety
        /// Called by the kernel with the function's arguments and result.
        #[unsafe(no_mangle)]
        #[unsafe(link_section = $section)]
        unsafe extern "C" fn $name(context: *const u64) -> i32 {
            // SAFETY: as promised; the result comes after the arguments.
            unsafe {
                let result = *context.add(2) as i32;
                by_kernel(context, KeepaliveOption::$option, result);
            }
            0
        }
    };
}

by_kernel!(set_idle_fexit, "fexit/tcp_sock_set_keepidle", Idle);
by_kernel!(set_interval_fexit, "fexit/tcp_sock_set_keepintvl", Interval);
by_kernel!(set_probes_fexit, "fexit/tcp_sock_set_keepcnt", Probes);

/// # Safety
/// Called by the kernel with the function's arguments; older kernels return nothing.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fexit/tcp_sock_set_user_timeout")]
unsafe extern "C" fn set_timeout_fexit(context: *const u64) -> i32 {
    // SAFETY: as promised.
    unsafe { by_kernel(context, KeepaliveOption::UserTimeout, 0) };
    0
}
