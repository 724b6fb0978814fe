//! Past of a socket, decoded from what the hooks remember. Pure functions.

use observer_common::tracked_socket::flag;
use observer_common::{KeepaliveOption, TrackedSocket, Via};

use crate::kernel::decode::comm;
use crate::model::{LastSet, Past, Process, SetOption, Socket};

/// Adds to `socket` what is remembered of it, beside what another observer remembers. `now_ns` is
/// `CLOCK_MONOTONIC` when the entry was read; `hz` jiffies a second, 0 where not known.
pub(in crate::kernel) fn add(
    socket: &mut Socket,
    tracked: &TrackedSocket,
    now_ns: u64,
    hz: u32,
    sees_probes: bool,
) {
    // Probes before the socket was tracked were not seen, and none where no hook is there to count.
    let counts = sees_probes && tracked.born_ns != 0;
    let known = socket.past.as_deref().copied().unwrap_or_default();
    let past = Past {
        age_ms: known.age_ms.or_else(|| since_ms(now_ns, tracked.born_ns)),
        sent: known.sent.or_else(|| counts.then_some(tracked.probes)),
        last_set: known
            .last_set
            .or_else(|| last_set(socket, tracked, now_ns, hz)),
    };
    if let Some(probe_ms) = since_ms(now_ns, tracked.probe_ns) {
        let known = socket.idle.probe_ms;
        socket.idle.probe_ms = Some(known.map_or(probe_ms, |ms| ms.min(probe_ms)));
    }
    socket.past = Some(Box::new(past));
}

/// Time since a stamp; `None` for one that is 0.
pub(super) fn since_ms(now_ns: u64, then_ns: u64) -> Option<u64> {
    (then_ns != 0).then(|| now_ns.saturating_sub(then_ns) / 1_000_000)
}

fn last_set(socket: &Socket, tracked: &TrackedSocket, now_ns: u64, hz: u32) -> Option<LastSet> {
    let option = KeepaliveOption::from_number(tracked.option)?;
    Some(LastSet {
        set: SetOption {
            option,
            asked: (tracked.flags & flag::ASKED != 0).then_some(tracked.asked),
            value: held(option, tracked.value, hz).or_else(|| socket.keepalive.value_of(option)),
            errno: tracked.errno,
            via: Via::from_number(tracked.via),
        },
        process: process(tracked.set_pid, tracked.set_comm),
        ago_ms: since_ms(now_ns, tracked.set_ns)?,
        inherited: tracked.flags & flag::INHERITED != 0,
    })
}

/// Value that the kernel held, in the option's own unit. `None` where it held 0, which for the probe
/// values means the sysctl: that is what the socket has now.
fn held(option: KeepaliveOption, value: u32, hz: u32) -> Option<u32> {
    match option {
        KeepaliveOption::Keepalive | KeepaliveOption::UserTimeout => Some(value),
        _ if value == 0 => None,
        KeepaliveOption::Probes => Some(value),
        KeepaliveOption::Idle | KeepaliveOption::Interval => value.checked_div(hz),
    }
}

/// A process; `None` where none acted, or one that observer's PID namespace does not show.
pub(super) fn process(pid: u32, name: [u64; 2]) -> Option<Process> {
    (pid != 0).then(|| Process {
        pid,
        comm: comm(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::socket;

    const S: u64 = 1_000_000_000;

    fn remembered() -> TrackedSocket {
        TrackedSocket {
            born_ns: 10 * S,
            set_ns: 11 * S,
            set_pid: 812,
            set_comm: [u64::from_ne_bytes(*b"curl\0\0\0\0"), 0],
            asked: 60,
            value: 60 * 250,
            option: KeepaliveOption::Idle as u8,
            via: Via::Syscall as u8,
            flags: flag::ASKED,
            probes: 3,
            probe_ns: 19 * S,
            ..TrackedSocket::default()
        }
    }

    fn past(tracked: &TrackedSocket) -> Past {
        let mut socket = socket();
        add(&mut socket, tracked, 20 * S, 250, true);
        *socket.past.unwrap()
    }

    #[test]
    fn what_is_remembered_becomes_the_past() {
        let past = past(&remembered());
        assert_eq!((past.age_ms, past.sent), (Some(10_000), Some(3)));
        let last = past.last_set.unwrap();
        let set = last.set;
        assert_eq!(set.option, KeepaliveOption::Idle);
        assert_eq!((set.asked, set.value, set.errno), (Some(60), Some(60), 0));
        assert_eq!((set.via, last.ago_ms), (Some(Via::Syscall), 9_000));
        let process = last.process.unwrap();
        assert_eq!((process.pid, process.comm.as_bytes()), (812, &b"curl"[..]));
        assert!(!last.inherited);
    }

    #[test]
    fn what_was_before_observer_is_unknown() {
        let old = TrackedSocket {
            born_ns: 0,
            set_ns: 0,
            option: 0,
            ..remembered()
        };
        assert_eq!(past(&old), Past::default());
    }

    #[test]
    fn of_two_that_remember_each_tells_what_it_knows() {
        let mut socket = socket();
        let without_options = TrackedSocket {
            option: 0,
            set_ns: 0,
            probes: 0,
            ..remembered()
        };
        add(&mut socket, &without_options, 20 * S, 250, false);
        let past = *socket.past.clone().unwrap();
        assert_eq!(
            (past.age_ms, past.sent, past.last_set),
            (Some(10_000), None, None)
        );
        let younger = TrackedSocket {
            born_ns: 0,
            ..remembered()
        };
        add(&mut socket, &younger, 20 * S, 250, true);
        let past = *socket.past.unwrap();
        assert_eq!((past.age_ms, past.sent), (Some(10_000), None));
        assert!(past.last_set.is_some());
    }

    #[test]
    fn a_probe_that_was_seen_shortens_the_silence() {
        let mut socket = socket();
        socket.idle.probe_ms = None;
        add(&mut socket, &remembered(), 20 * S, 250, true);
        assert_eq!(socket.idle.probe_ms, Some(1_000));
        socket.idle.probe_ms = Some(400);
        add(&mut socket, &remembered(), 20 * S, 250, true);
        assert_eq!(socket.idle.probe_ms, Some(400));
    }

    #[test]
    fn a_value_of_the_system_is_what_the_socket_has() {
        let mut socket = socket();
        socket.keepalive.idle.value = Some(7200);
        let unset = TrackedSocket {
            value: 0,
            ..remembered()
        };
        add(&mut socket, &unset, 20 * S, 250, true);
        let set = socket.past.unwrap().last_set.unwrap();
        assert_eq!(set.set.value, Some(7200));
    }

    #[test]
    fn what_cannot_be_told_is_none() {
        let unknown = TrackedSocket {
            flags: flag::INHERITED,
            via: 9,
            set_pid: 0,
            ..remembered()
        };
        let last = past(&unknown).last_set.unwrap();
        let asked = (last.set.asked, last.set.via, last.process);
        assert_eq!(asked, (None, None, None));
        assert!(last.inherited);
        let nonsense = TrackedSocket {
            option: 99,
            ..remembered()
        };
        assert_eq!(past(&nonsense).last_set, None);
    }
}
