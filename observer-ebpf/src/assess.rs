//! The kernel side's assessment of a socket: healthy if nothing is retransmitted or probed and its
//! path is far from forgetting it. User space judges the others.

use aya_ebpf::helpers::generated::bpf_jiffies64;
use observer_common::Field;
use observer_common::summary::{SummarySettings, verdict};

use crate::limit;
use crate::sock::{Direct, Kernel, Load as _, field, state};
use crate::socket::endpoints;

/// Assessment of one socket.
pub(crate) enum Assessment {
    /// Nothing endangers it: counting is enough.
    Healthy(Healthy),
    /// Not healthy, or soon no longer: user space reads it.
    Flagged,
    /// Listening, or waiting for a peer.
    NoPeer,
}

/// Facts about a healthy socket that are counted.
pub(crate) struct Healthy {
    /// One of [`verdict`].
    pub(crate) verdict: usize,
    /// Jiffies since the last packet, where the kernel keeps stamps.
    pub(crate) quiet: Option<u32>,
    /// Jiffies of further silence until it is flagged; `u32::MAX` where silence is no danger to it.
    pub(crate) until_flagged: u32,
}

/// Bit mask of TCP states.
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

/// States in which one end has sent its FIN.
const HALF_CLOSED: u64 = states([state::FIN_WAIT1, state::FIN_WAIT2, state::CLOSE_WAIT]);

/// Assesses a socket.
#[inline(always)]
pub(crate) fn assess(settings: &SummarySettings, tcp: Kernel, state: u64) -> Assessment {
    let bit = 1_u64 << (state & 63);
    if CONNECTED & bit == 0 {
        return Assessment::NoPeer;
    }
    if Direct::number(tcp, field!(retransmits)) != 0 || Direct::number(tcp, field!(probes_out)) != 0
    {
        return Assessment::Flagged;
    }
    let quiet = (state != state::SYN_SENT).then(|| quiet(settings, tcp));
    let path = if OPEN & bit == 0 {
        limit::NONE
    } else {
        limit::of(settings, &endpoints::<Direct>(tcp))
    };
    let limit = if HALF_CLOSED & bit == 0 {
        path.open
    } else {
        path.half_closed
    };
    let healthy = |verdict, until_flagged| {
        Assessment::Healthy(Healthy {
            verdict,
            quiet,
            until_flagged,
        })
    };
    if limit.limit == 0 {
        return healthy(verdict::EXEMPT, u32::MAX);
    }
    let counts = path.counts_payload == 0 && Direct::keepalive_on(tcp);
    if counts && is_in_time(settings, tcp, limit.limit) {
        return healthy(verdict::PROTECTED, u32::MAX);
    }
    let silence = if path.counts_payload == 0 {
        quiet.unwrap_or(u32::MAX)
    } else {
        payload_silence(settings, tcp)
    };
    if silence >= limit.near {
        return Assessment::Flagged;
    }
    let verdict = if counts {
        verdict::LATE
    } else {
        verdict::UNPROTECTED
    };
    healthy(verdict, limit.near - silence)
}

/// The next keepalive probe, and each after it, comes before the path forgets the connection. As
/// `policy/forecast` has it.
#[inline(always)]
fn is_in_time(settings: &SummarySettings, tcp: Kernel, limit: u32) -> bool {
    let idle = idle(tcp);
    // Probes are as far apart as the longer of the two.
    if idle.max(interval(tcp)) >= limit {
        return false;
    }
    // The first firing then ends the connection, unless TCP_USER_TIMEOUT decides.
    if probes(tcp) == 0 && Direct::number(tcp, field!(user_timeout)) == 0 {
        return false;
    }
    let Some(timer) = timer(tcp) else {
        return true;
    };
    let received = since(settings, Direct::number(tcp, field!(lrcvtime)));
    let heard = received.min(since(settings, Direct::number(tcp, field!(rcv_tstamp))));
    let rest = idle.saturating_sub(heard);
    quiet(settings, tcp).saturating_add(timer.max(rest)) < limit
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

/// Probes before the connection is given up.
#[inline(always)]
fn probes(tcp: Kernel) -> u32 {
    let own = Direct::number(tcp, field!(keepalive_probes)) as u32;
    if own != 0 {
        return own;
    }
    let net = Direct::pointer(tcp, field!(net));
    Direct::number(net, field!(sysctl_probes)) as u32
}

#[inline(always)]
fn now() -> u32 {
    // SAFETY: no arguments.
    unsafe { bpf_jiffies64() as u32 }
}

/// Jiffies until the keepalive timer fires, where it is armed.
#[inline(always)]
fn timer(tcp: Kernel) -> Option<u32> {
    if Direct::number(tcp, field!(keepalive_pprev)) == 0 {
        return None;
    }
    let left = (Direct::number(tcp, field!(keepalive_expires)) as u32).wrapping_sub(now());
    Some(if left > u32::MAX / 2 { 0 } else { left })
}

/// Jiffies since a stamp.
#[inline(always)]
fn since(settings: &SummarySettings, stamp: u64) -> u32 {
    let (stamp, now) = (stamp as u32, now());
    // Another processor may have stamped a tick later than this one reads the clock.
    if stamp.wrapping_sub(now) <= settings.hz {
        0
    } else {
        now.wrapping_sub(stamp)
    }
}

/// Jiffies since the last byte of payload, either way.
#[inline(always)]
fn payload_silence(settings: &SummarySettings, tcp: Kernel) -> u32 {
    let sent = since(settings, Direct::number(tcp, field!(lsndtime)));
    sent.min(since(settings, Direct::number(tcp, field!(lrcvtime))))
}

/// Jiffies since the last packet that left a stamp.
#[inline(always)]
fn quiet(settings: &SummarySettings, tcp: Kernel) -> u32 {
    let acknowledged = since(settings, Direct::number(tcp, field!(rcv_tstamp)));
    let silence = payload_silence(settings, tcp).min(acknowledged);
    match Direct::number(tcp, field!(peer_probe)) {
        0 => silence,
        stamp => silence.min(since(settings, stamp)),
    }
}
