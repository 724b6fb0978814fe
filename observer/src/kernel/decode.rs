//! Decoding of a record into a socket: the kernel's units into ours. Pure functions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use observer_common::socket::flag;
use observer_common::{RecordKind, SocketRecord};

use crate::host::clock;
use crate::model::keepalive::TimerState;
use crate::model::{
    Comm, Family, Idle, Keepalive, Owner, Setting, Socket, State, Timer, TimerKind,
};

/// Units and conventions of this kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units {
    /// Jiffies a second; 0 where not known yet.
    pub hz: u32,
    /// `sk_allocation` of an ordinary program's socket.
    pub ordinary_allocation: u32,
    /// `true` if the kernel marks the sockets that it made itself.
    pub knows_kernel_sockets: bool,
    /// `true` in a PID namespace of observer's own: processes outside of it hold sockets unseen.
    pub hides_processes: bool,
}

/// Values of `CONFIG_HZ` on x86 and arm64.
const COMMON_HZ: [u32; 5] = [100, 250, 300, 1000, 1024];

/// Values of `icsk_pending`, the kind of timer whose expiry is `retransmit_expires`. `include/net/inet_connection_sock.h`.
mod pending {
    pub(super) const RETRANSMIT: u8 = 1;
    pub(super) const WINDOW_PROBE: u8 = 3;
    pub(super) const LOSS_PROBE: u8 = 5;
    pub(super) const REORDER: u8 = 6;
}

impl Units {
    /// Guess at the jiffies a second, from the jiffies and the time since boot: jiffies start 300
    /// seconds before 2^32. Good but for the minute around those 300 seconds.
    #[must_use]
    pub fn guess_hz(jiffies: u64, uptime: Duration) -> u32 {
        let counted = i128::from(jiffies) - (1_i128 << 32);
        let elapsed_ms = i128::try_from(uptime.as_millis()).unwrap_or(0) - 300_000;
        COMMON_HZ
            .into_iter()
            .min_by_key(|hz| (i128::from(*hz) * elapsed_ms / 1000 - counted).abs())
            .unwrap_or(250)
    }

    /// [`Units::guess_hz`] for jiffies that were read just now.
    #[must_use]
    pub fn guess_hz_now(jiffies: u64) -> u32 {
        Self::guess_hz(jiffies, clock::monotonic())
    }

    fn ms(self, jiffies: u32) -> u64 {
        u64::from(jiffies) * 1000 / u64::from(self.hz.max(1))
    }

    /// Time since a stamp. Stamps are 32 bits of jiffies: after 2^32 of them (49 days at 1000 Hz)
    /// a silence looks short again, to the kernel too.
    fn since_ms(self, now: u32, stamp: u32) -> u64 {
        let elapsed = now.wrapping_sub(stamp);
        // Another processor may have stamped a tick later than this one read the clock.
        let ahead = stamp.wrapping_sub(now);
        if ahead <= self.hz {
            0
        } else {
            self.ms(elapsed)
        }
    }

    /// Time until a timer fires, 0 when it is due.
    fn until_ms(self, now: u32, expires: u32) -> u64 {
        let left = expires.wrapping_sub(now);
        if left > u32::MAX / 2 {
            0
        } else {
            self.ms(left)
        }
    }

    /// A keepalive time in whole seconds, as getsockopt gives it.
    pub(super) fn seconds(self, jiffies: u32) -> u32 {
        jiffies / self.hz.max(1)
    }
}

/// Decodes one record. `None` for a family or state that is not TCP's.
#[must_use]
pub fn socket(record: &SocketRecord, units: Units) -> Option<Socket> {
    let family = match record.family {
        2 => Family::Ipv4,
        10 => Family::Ipv6,
        _ => return None,
    };
    let state = State::from_kernel(record.state)?;
    let local = SocketAddr::new(address(family, record.local), record.local_port);
    let remote_port = u16::from_be(record.remote_port_be);
    let remote = SocketAddr::new(address(family, record.remote), remote_port);
    let mut socket = Socket {
        cookie: Some(record.cookie),
        inode: (record.inode != 0).then_some(record.inode),
        netns: Some(record.netns),
        owners: owner(record).into_iter().collect(),
        ..Socket::unknown(family, state, local, remote)
    };
    if record.kind == RecordKind::Full as u8 {
        fill(&mut socket, record, units);
    } else {
        fill_small(&mut socket, record, units);
    }
    Some(socket)
}

/// Owner through whom the record was found.
#[must_use]
pub fn owner(record: &SocketRecord) -> Option<Owner> {
    if record.flags & flag::OWNER == 0 {
        return None;
    }
    Some(Owner {
        pid: record.pid,
        fd: record.fd,
        comm: comm(record.comm),
    })
}

/// A task's name.
pub(super) fn comm(words: [u64; 2]) -> Comm {
    let [first, second] = words.map(u64::to_ne_bytes);
    let mut comm = [0; 16];
    for (to, from) in comm.iter_mut().zip(first.into_iter().chain(second)) {
        *to = from;
    }
    Comm::new(&comm)
}

pub(super) fn address(family: Family, words: [u64; 2]) -> IpAddr {
    let [first, second] = words.map(u64::to_ne_bytes);
    match family {
        Family::Ipv4 => {
            let [a, b, c, d, ..] = first;
            Ipv4Addr::new(a, b, c, d).into()
        }
        Family::Ipv6 => {
            let high = u128::from(u64::from_be_bytes(first));
            let low = u128::from(u64::from_be_bytes(second));
            Ipv6Addr::from(high << 64 | low).into()
        }
    }
}

/// Fills in a TIME_WAIT or half-open socket, which has a timer and no settings.
fn fill_small(socket: &mut Socket, record: &SocketRecord, units: Units) {
    let kind = if socket.state == State::TimeWait {
        TimerKind::TimeWait
    } else {
        TimerKind::On
    };
    socket.kernel_owned = Some(false);
    socket.timer = Some(Timer {
        kind,
        expires_ms: units.until_ms(low32(record.jiffies), record.retransmit_expires),
        retransmits: u32::from(record.retransmits),
        unanswered: 0,
    });
}

fn fill(socket: &mut Socket, record: &SocketRecord, units: Units) {
    let has = |bit| record.flags & bit != 0;
    let now = low32(record.jiffies);
    let listens = socket.state == State::Listen;
    let in_flight = record.packets_out > 0 || record.unsent > 0;
    socket.uid = Some(record.uid);
    socket.kernel_owned = kernel_owned(record, units);
    socket.bytes_sent = Some(record.bytes_sent);
    socket.bytes_received = Some(record.bytes_received);
    socket.segs_in = Some(record.segs_in);
    if !listens {
        socket.unacked = Some(record.packets_out);
        socket.in_flight = Some(in_flight);
    }
    socket.timer = timer(record, now, units);
    let mut keepalive = Keepalive {
        enabled: Some(has(flag::KEEPALIVE)),
        idle: seconds_setting(record.keepalive_time, record.sysctl_time, units),
        interval: seconds_setting(record.keepalive_intvl, record.sysctl_intvl, units),
        probes: Setting::from_kernel(
            record.keepalive_probes.into(),
            Some(record.sysctl_probes.into()),
        ),
        user_timeout_ms: Some(record.user_timeout_ms),
        next_probe_ms: None,
        timer_ms: None,
        // Probes of a closed window count in the same field, and only with data unsent.
        unanswered: (!in_flight || record.probes_out == 0).then_some(0),
    };
    if socket.state.has_stamps() {
        socket.idle = idle(record, socket.state, now, units);
    }
    let fin_timer = socket.state == State::FinWait2 && !has(flag::SOCKET);
    let is_armed = has(flag::KEEPALIVE) && has(flag::KEEPALIVE_PENDING) && !fin_timer;
    let expires_ms = units.until_ms(now, record.keepalive_expires);
    if is_armed && socket.state.has_stamps() {
        keepalive.timer_ms = Some(expires_ms);
    }
    if keepalive.timer_ms.is_some() && !in_flight {
        let unanswered = u32::from(record.probes_out);
        keepalive.unanswered = Some(unanswered);
        keepalive.next_probe_ms = next_probe_ms(record, &socket.idle, expires_ms, units);
        if unanswered > 0 {
            let interval_ms = units.ms(effective(record.keepalive_intvl, record.sysctl_intvl));
            socket.idle.probe_ms = interval_ms.checked_sub(expires_ms);
        }
    }
    socket.keepalive = keepalive;
}

fn kernel_owned(record: &SocketRecord, units: Units) -> Option<bool> {
    if !units.knows_kernel_sockets {
        return None;
    }
    let has = |bit| record.flags & bit != 0;
    if units.hides_processes && has(flag::FILE) && !has(flag::OWNER) && !has(flag::KERNEL) {
        return None;
    }
    // A driver that took over a program's socket (nbd, iSCSI) holds its file without a
    // descriptor, and changes how it allocates memory; programs cannot do that.
    let taken_over =
        !has(flag::OWNER) && has(flag::FILE) && record.allocation != units.ordinary_allocation;
    Some(has(flag::KERNEL) || taken_over)
}

fn idle(record: &SocketRecord, state: State, now: u32, units: Units) -> Idle {
    let sent_ms = units.since_ms(now, record.lsndtime);
    let received_ms = units.since_ms(now, record.lrcvtime);
    let mut idle = Idle {
        sent_ms: Some(sent_ms),
        received_ms: Some(received_ms),
        ack_ms: Some(units.since_ms(now, record.rcv_tstamp)),
        probe_ms: None,
        peer_probe_ms: None,
        segment_ms: None,
        peer_keeps_alive: false,
        last_data: Idle::direction(
            state,
            sent_ms,
            received_ms,
            record.bytes_sent,
            record.bytes_received,
        ),
    };
    if record.peer_probe != 0 {
        idle.see_peer_probe(units.since_ms(now, record.peer_probe));
    }
    idle
}

fn next_probe_ms(record: &SocketRecord, idle: &Idle, expires_ms: u64, units: Units) -> Option<u64> {
    TimerState {
        expires_ms,
        heard_ms: idle.timer_heard_ms()?,
        idle_ms: units.ms(effective(record.keepalive_time, record.sysctl_time)),
        probes: effective(record.keepalive_probes.into(), record.sysctl_probes.into()),
        user_timeout_ms: record.user_timeout_ms.into(),
        unanswered: record.probes_out.into(),
    }
    .next_probe_ms()
}

/// The kernel's rule: 0 on the socket means the sysctl.
fn effective(own: u32, sysctl: u32) -> u32 {
    if own != 0 { own } else { sysctl }
}

fn seconds_setting(own: u32, sysctl: u32, units: Units) -> Setting {
    Setting::from_kernel(units.seconds(own), Some(units.seconds(sysctl)))
}

/// Timer that netstat shows: `inet_csk_diag` and `get_tcp4_sock` choose alike. `None` for a kind that
/// this observer does not know.
fn timer(record: &SocketRecord, now: u32, units: Units) -> Option<Timer> {
    let (kind, expires) = match record.pending {
        pending::RETRANSMIT | pending::LOSS_PROBE | pending::REORDER => {
            (TimerKind::On, record.retransmit_expires)
        }
        pending::WINDOW_PROBE => (TimerKind::Probe, record.retransmit_expires),
        pending if pending != 0 => return None,
        _ if record.flags & flag::KEEPALIVE_PENDING != 0 => {
            (TimerKind::Keepalive, record.keepalive_expires)
        }
        _ => (TimerKind::Off, now),
    };
    Some(Timer {
        kind,
        expires_ms: units.until_ms(now, expires),
        retransmits: record.retransmits.into(),
        unanswered: record.probes_out.into(),
    })
}

/// Stamps and timers are compared in the low 32 bits, as the kernel's `tcp_jiffies32` is.
#[expect(clippy::cast_possible_truncation, reason = "that is the point")]
fn low32(jiffies: u64) -> u32 {
    jiffies as u32
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
