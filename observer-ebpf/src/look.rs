//! Whether a socket is calm: nothing is retransmitted or probed, and its path is far from
//! forgetting it. User space judges the others.

use aya_ebpf::helpers::generated::bpf_jiffies64;
use observer_common::Field;
use observer_common::survey::{SurveySettings, verdict};

use crate::limit;
use crate::sock::{Direct, Kernel, Load as _, field, state};
use crate::socket::place;

/// What a look at a socket tells.
pub(crate) enum Look {
    /// It is calm.
    Calm(Calm),
    /// It is not, or may soon be no more.
    Notable,
    /// It has no peer: it listens, or waits for one.
    Apart,
}

pub(crate) struct Calm {
    /// One of [`verdict`].
    pub(crate) verdict: usize,
    /// Jiffies since the last packet; where the kernel keeps stamps.
    pub(crate) quiet: Option<u32>,
    /// Jiffies until it may be calm no more; `u32::MAX` where silence is no danger to it.
    pub(crate) left: u32,
}

const fn states<const N: usize>(states: [u64; N]) -> u64 {
    let mut mask = 0;
    let mut i = 0;
    while i < N {
        mask |= 1 << states[i];
        i += 1;
    }
    mask
}

/// States in which there is a peer.
const CONNECTED: u64 = states([
    state::ESTABLISHED,
    state::SYN_SENT,
    state::FIN_WAIT1,
    state::FIN_WAIT2,
    state::CLOSE_WAIT,
    state::LAST_ACK,
    state::CLOSING,
]);

/// States in which somebody may still wait for bytes.
const OPEN: u64 = states([
    state::ESTABLISHED,
    state::FIN_WAIT1,
    state::FIN_WAIT2,
    state::CLOSE_WAIT,
]);

/// Looks at a socket.
#[inline(always)]
pub(crate) fn look(settings: &SurveySettings, tcp: Kernel, state: u64) -> Look {
    let bit = 1_u64 << (state & 63);
    if CONNECTED & bit == 0 {
        return Look::Apart;
    }
    if Direct::number(tcp, field!(retransmits)) != 0 || Direct::number(tcp, field!(probes_out)) != 0
    {
        return Look::Notable;
    }
    let quiet = (state != state::SYN_SENT).then(|| quiet(settings, tcp));
    let limit = if OPEN & bit == 0 {
        limit::NONE
    } else {
        limit::of(settings, &place::<Direct>(tcp))
    };
    let calm = |verdict, left| {
        Look::Calm(Calm {
            verdict,
            quiet,
            left,
        })
    };
    if limit.limit == 0 {
        return calm(verdict::EXEMPT, u32::MAX);
    }
    let is_on = Direct::keepalive_on(tcp);
    // Probes are as far apart as the longer of the two.
    if is_on && idle(tcp).max(interval(tcp)) < limit.limit {
        return calm(verdict::PROTECTED, u32::MAX);
    }
    let quiet = quiet.unwrap_or(u32::MAX);
    if quiet >= limit.near {
        return Look::Notable;
    }
    let verdict = if is_on {
        verdict::LATE
    } else {
        verdict::UNPROTECTED
    };
    calm(verdict, limit.near - quiet)
}

/// The idle time before the first probe, in jiffies.
#[inline(always)]
fn idle(tcp: Kernel) -> u32 {
    effective(tcp, field!(keepalive_time), field!(sysctl_time))
}

/// The time between probes, in jiffies.
#[inline(always)]
fn interval(tcp: Kernel) -> u32 {
    effective(tcp, field!(keepalive_intvl), field!(sysctl_intvl))
}

/// The socket's own value, or its network namespace's.
#[inline(always)]
fn effective(tcp: Kernel, own: Field, sysctl: Field) -> u32 {
    let own = Direct::number(tcp, own) as u32;
    if own != 0 {
        return own;
    }
    let net = Direct::pointer(tcp, field!(net));
    Direct::number(net, sysctl) as u32
}

/// Jiffies since the last packet that left a stamp.
#[inline(always)]
fn quiet(settings: &SurveySettings, tcp: Kernel) -> u32 {
    // SAFETY: no arguments.
    let now = unsafe { bpf_jiffies64() } as u32;
    let since = |stamp: u64| {
        let stamp = stamp as u32;
        // Another processor may have stamped a tick later than this one reads the clock.
        if stamp.wrapping_sub(now) <= settings.hz {
            0
        } else {
            now.wrapping_sub(stamp)
        }
    };
    let sent = since(Direct::number(tcp, field!(lsndtime)));
    let received = since(Direct::number(tcp, field!(lrcvtime)));
    let acknowledged = since(Direct::number(tcp, field!(rcv_tstamp)));
    sent.min(received).min(acknowledged)
}
