//! The keepalive timer: each firing sends a probe, gives the connection up, or only sets the timer
//! again. Attached by fentry and fexit of `tcp_keepalive_timer` with fexit of `tcp_write_wakeup`, or the
//! tracepoints around every timer of the host.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, PerCpuArray};
use observer_common::EventKind;

use crate::clock::now_ns;
use crate::counters::count;
use crate::event::{About, emit, is_wanted};
use crate::facts::fact;
use crate::log;
use crate::sock::state::CLOSE;
use crate::sock::{Kernel, Load, Probed, field};
use crate::tracked_socket::{self, Moved, Origin};

/// Firing that runs on this processor.
#[repr(C)]
#[derive(Clone, Copy)]
struct Firing {
    timer: u64,
    /// 1 where the kernel was seen to send a probe.
    probed: u32,
    state: u16,
    probes_out: u16,
}

#[map]
static FIRING: PerCpuArray<Firing> = PerCpuArray::with_max_entries(1, 0);

/// Address of `tcp_keepalive_timer`, as the first TCP socket seen has it; 0 before.
#[map]
static KEEPALIVE_FUNCTION: Array<u64> = Array::with_max_entries(1, 0);

/// Learns from a TCP socket which function its keepalive timer calls.
#[inline(always)]
pub(crate) fn learn<L: Load>(tcp: Kernel) {
    if let Some(known) = KEEPALIVE_FUNCTION.get_ptr_mut(0) {
        let function = L::number(tcp, field!(keepalive_function));
        if log::is_on() {
            // SAFETY: as below.
            let before = unsafe { *known };
            if before != 0 && before != function {
                log::timer_function(L::number(tcp, field!(cookie)));
            }
        }
        // SAFETY: the kernel keeps an array's memory; every writer writes the same.
        unsafe { *known = function };
    }
}

/// # Safety
/// Called by the kernel with the function's argument: the timer.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry/tcp_keepalive_timer")]
unsafe extern "C" fn timer_fentry(context: *const u64) -> i32 {
    // SAFETY: the verifier knows the function's arguments.
    begin(unsafe { *context.cast::<Kernel>() });
    0
}

/// # Safety
/// Called by the kernel with the function's argument: the timer.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fexit/tcp_keepalive_timer")]
unsafe extern "C" fn timer_fexit(context: *const u64) -> i32 {
    // SAFETY: the verifier knows the function's arguments.
    end(unsafe { *context.cast::<Kernel>() });
    0
}

/// # Safety
/// Called by the kernel with the function's arguments: the sock and what it counts by.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fexit/tcp_write_wakeup")]
unsafe extern "C" fn timer_wakeup(context: *const u64) -> i32 {
    // SAFETY: the verifier knows the function's arguments.
    let (sk, mib) = unsafe { (*context.cast::<Kernel>(), *context.add(1) as u32) };
    if mib != fact!(keepalive_mib) {
        return 0;
    }
    if let Some(firing) = FIRING.get_ptr_mut(0) {
        // SAFETY: only this processor writes here.
        unsafe {
            if (*firing).timer == timer_of(sk) as u64 {
                (*firing).probed = 1;
            }
        }
    }
    0
}

/// # Safety
/// Called by the kernel with the tracepoint's arguments: the timer and a time.
#[unsafe(no_mangle)]
#[unsafe(link_section = "tp_btf/timer_expire_entry")]
unsafe extern "C" fn timer_entry(context: *const u64) -> i32 {
    // SAFETY: the verifier knows the tracepoint's arguments.
    let timer = unsafe { *context.cast::<Kernel>() };
    let function = Probed::number(timer, field!(timer_function));
    if function != 0 && KEEPALIVE_FUNCTION.get(0) == Some(&function) {
        begin(timer);
    }
    0
}

/// # Safety
/// Called by the kernel with the tracepoint's argument: the timer.
#[unsafe(no_mangle)]
#[unsafe(link_section = "tp_btf/timer_expire_exit")]
unsafe extern "C" fn timer_exit(context: *const u64) -> i32 {
    // SAFETY: the verifier knows the tracepoint's arguments.
    end(unsafe { *context.cast::<Kernel>() });
    0
}

#[inline(always)]
fn timer_of(sk: Kernel) -> Kernel {
    sk.wrapping_add(usize::from(field!(keepalive_timer).offset))
}

#[inline(always)]
fn sk_of(timer: Kernel) -> Kernel {
    timer.wrapping_sub(usize::from(field!(keepalive_timer).offset))
}

#[inline(always)]
fn begin(timer: Kernel) {
    let sk = sk_of(timer);
    let firing = Firing {
        timer: timer as u64,
        probed: 0,
        state: Probed::number(sk, field!(state)) as u16,
        probes_out: Probed::number(sk, field!(probes_out)) as u16,
    };
    if let Some(slot) = FIRING.get_ptr_mut(0) {
        // SAFETY: only this processor writes here.
        unsafe { *slot = firing };
    }
}

#[inline(always)]
fn end(timer: Kernel) {
    let Some(slot) = FIRING.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: only this processor writes here.
    let firing = unsafe { *slot };
    if firing.timer != timer as u64 {
        return;
    }
    // SAFETY: as above.
    unsafe { (*slot).timer = 0 };
    let sk = sk_of(timer);
    let state = Probed::number(sk, field!(state));
    if state == CLOSE && u64::from(firing.state) != CLOSE {
        count(|counters| counters.timers_gave_up += 1);
        return;
    }
    // The kernel counts a probe on the socket unless its own queue refused to take it.
    let counted = Probed::number(sk, field!(probes_out)) as u16;
    if firing.probed == 0 && counted != firing.probes_out + 1 {
        count(|counters| counters.timers_rearmed += 1);
        return;
    }
    count(|counters| counters.timers_probed += 1);
    probed(sk, state, firing.probes_out);
}

#[inline(always)]
fn probed(sk: Kernel, state: u64, unanswered: u16) {
    let at_ns = now_ns();
    let cookie = Probed::number(sk, field!(cookie));
    let mut before_ns = 0;
    let origin = tracked_socket::change::<Probed>(sk, cookie, Moved::No, |tracked| {
        before_ns = tracked.probe_ns;
        tracked.probes += 1;
        tracked.probe_ns = at_ns;
    });
    if !is_wanted(EventKind::Probe) {
        return;
    }
    let about = About {
        kind: EventKind::Probe,
        at_ns,
        tcp: sk,
        cookie,
        state,
        origin: Origin {
            probe_ns: before_ns,
            ..origin
        },
        actor: None,
    };
    emit::<Probed>(&about, |record| record.unanswered = unanswered as u8);
}
