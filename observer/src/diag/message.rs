//! Decoder of `struct inet_diag_msg` and its attributes. Pure, and never panics on what it is
//! given.
//!
//! Layout as in `include/uapi/linux/inet_diag.h`; numbers are in the host's byte order, ports and
//! addresses in the network's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::tcp_info::TcpInfo;
use crate::host::inet_diag::{AF_INET, AF_INET6};
use crate::host::nlmsg::{array, attributes};
use crate::model::{Family, State, Timer, TimerKind};

/// Length of `struct inet_diag_msg`.
const MESSAGE_LEN: usize = 72;
/// `INET_DIAG_INFO`
pub(crate) const INFO: u16 = 2;
/// `INET_DIAG_CGROUP_ID` (5.7 and later)
const CGROUP_ID: u16 = 21;

/// Message of sock_diag about one socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiagSocket {
    /// Of the socket itself: v4-mapped connections are IPv6.
    pub family: Family,
    /// `idiag_state`
    pub state: State,
    /// `idiag_src`, `idiag_sport`
    pub local: SocketAddr,
    /// `idiag_dst`, `idiag_dport`
    pub remote: SocketAddr,
    /// `idiag_cookie`: the number that `SO_COOKIE` gives.
    pub cookie: u64,
    /// `idiag_uid`; meaningless without [`DiagSocket::info`].
    pub uid: u32,
    /// `idiag_inode`, 0 for a socket that no file belongs to.
    pub inode: u32,
    /// The one timer shown; `None` where it is of a kind that is not known, such as that of delayed
    /// acknowledgements (5, Linux 7.1 and later).
    pub timer: Option<Timer>,
    /// Cgroup that the socket was made in.
    pub cgroup_id: Option<u64>,
    /// `None` for the small sockets of TIME_WAIT, of its FIN_WAIT2, and of SYN_RECV.
    pub info: Option<TcpInfo>,
}

/// Reads one answer; `None` where it is too short, or of a family or state that nobody asked for.
#[must_use]
pub fn parse(message: &[u8]) -> Option<DiagSocket> {
    let u32_at = |at| array(message, at).map(u32::from_ne_bytes);
    let mut cgroup_id = None;
    let mut info = None;
    for (kind, value) in attributes(message.get(MESSAGE_LEN..)?) {
        match kind {
            INFO => info = Some(TcpInfo::parse(value)),
            CGROUP_ID => cgroup_id = array(value, 0).map(u64::from_ne_bytes),
            _ => {}
        }
    }
    let family = match *message.first()? {
        AF_INET => Family::Ipv4,
        AF_INET6 => Family::Ipv6,
        _ => return None,
    };
    Some(DiagSocket {
        family,
        state: State::from_kernel(*message.get(1)?)?,
        local: SocketAddr::new(address(message, family, 8)?, port(message, 4)?),
        remote: SocketAddr::new(address(message, family, 24)?, port(message, 6)?),
        cookie: u64::from(u32_at(44)?) | u64::from(u32_at(48)?) << 32,
        timer: timer(
            *message.get(2)?,
            *message.get(3)?,
            u32_at(52)?,
            info.as_ref(),
        ),
        uid: u32_at(64)?,
        inode: u32_at(68)?,
        cgroup_id,
        info,
    })
}

fn address(message: &[u8], family: Family, at: usize) -> Option<IpAddr> {
    Some(match family {
        Family::Ipv4 => Ipv4Addr::from(array::<4>(message, at)?).into(),
        Family::Ipv6 => Ipv6Addr::from(array::<16>(message, at)?).into(),
    })
}

fn port(message: &[u8], at: usize) -> Option<u16> {
    array(message, at).map(u16::from_be_bytes)
}

/// `idiag_timer`, `idiag_retrans` and `idiag_expires` as netstat shows them. `idiag_retrans` is
/// `icsk_retransmits` for the retransmission timer, else `icsk_probes_out`; the other of both is
/// in `tcp_info`. `None` for a kind that newer kernels have: the socket is there all the same.
fn timer(kind: u8, count: u8, expires_ms: u32, info: Option<&TcpInfo>) -> Option<Timer> {
    let retransmits = info.and_then(|i| i.retransmits).unwrap_or(0);
    let probes = info.and_then(|i| i.probes).unwrap_or(0);
    let (kind, retransmits, unanswered) = match kind {
        0 => (TimerKind::Off, retransmits, probes),
        1 => (TimerKind::On, count, probes),
        2 => (TimerKind::Keepalive, retransmits, count),
        3 => (TimerKind::TimeWait, 0, 0),
        4 => (TimerKind::Probe, retransmits, count),
        _ => return None,
    };
    // A timer that is due counts below zero in some kernels.
    let expires_ms = i32::try_from(expires_ms).map_or(0, i32::unsigned_abs);
    Some(Timer {
        kind,
        expires_ms: expires_ms.into(),
        retransmits: retransmits.into(),
        unanswered: unanswered.into(),
    })
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
