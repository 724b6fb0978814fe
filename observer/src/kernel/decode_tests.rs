use observer_common::socket::flag;
use observer_common::{RecordKind, SocketRecord};
use proptest::prelude::*;

use super::*;
use crate::model::{Direction, SettingFrom};

const UNITS: Units = Units {
    hz: 250,
    ordinary_allocation: 0xcc0,
    knows_kernel_sockets: true,
    hides_processes: false,
};
const NOW: u64 = (1 << 32) + 1_000_000;

/// Low 32 bits of jiffies, `ms` before now.
fn before(ms: u32) -> u32 {
    low32(NOW).wrapping_sub(ms / 4)
}

/// Low 32 bits of jiffies, `ms` from now.
fn after(ms: u32) -> u32 {
    low32(NOW).wrapping_add(ms / 4)
}

/// Established, keepalive on at 60/10/3, silent for 20 s, its timer due in 40 s.
fn record() -> SocketRecord {
    SocketRecord {
        size: 192,
        kind: RecordKind::Full as u8,
        state: State::Established as u8,
        family: 2,
        flags: flag::KEEPALIVE | flag::KEEPALIVE_PENDING | flag::SOCKET | flag::FILE | flag::OWNER,
        cookie: 7,
        inode: 88,
        jiffies: NOW,
        bytes_sent: 517,
        local: [u64::from_ne_bytes([10, 0, 3, 7, 0, 0, 0, 0]), 0],
        remote: [u64::from_ne_bytes([203, 0, 113, 9, 0, 0, 0, 0]), 0],
        comm: [u64::from_ne_bytes(*b"python3\0"), 0],
        local_port: 51122,
        remote_port_be: 443_u16.to_be(),
        pid: 812,
        fd: 5,
        allocation: 0xcc0,
        keepalive_time: 60 * 250,
        keepalive_intvl: 10 * 250,
        keepalive_probes: 3,
        sysctl_time: 7200 * 250,
        sysctl_intvl: 75 * 250,
        sysctl_probes: 9,
        lsndtime: before(20_000),
        lrcvtime: before(20_100),
        rcv_tstamp: before(20_000),
        keepalive_expires: after(40_000),
        ..SocketRecord::default()
    }
}

fn decode(change: impl FnOnce(&mut SocketRecord)) -> Socket {
    let mut record = record();
    change(&mut record);
    socket(&record, UNITS).unwrap()
}

#[test]
fn a_whole_record() {
    let socket = decode(|_| {});
    assert_eq!(socket.local.to_string(), "10.0.3.7:51122");
    assert_eq!(socket.remote.to_string(), "203.0.113.9:443");
    assert_eq!(socket.owners[0].comm.as_bytes(), b"python3");
    assert_eq!((socket.owners[0].pid, socket.owners[0].fd), (812, 5));
    assert_eq!(socket.keepalive.enabled, Some(true));
    assert_eq!(socket.keepalive.idle.value, Some(60));
    assert_eq!(socket.keepalive.idle.from, Some(SettingFrom::Socket));
    assert_eq!(socket.keepalive.next_probe_ms, Some(40_000));
    assert_eq!(socket.keepalive.detect_s(), Some(90));
    assert_eq!(socket.timer.unwrap().to_string(), "keepalive (40.00/0/0)");
    assert_eq!(socket.idle.data_ms(), Some(20_000));
    assert_eq!(socket.idle.received_ms, Some(20_100));
    assert_eq!(socket.idle.last_data, Some(Direction::Sent));
    assert_eq!(socket.kernel_owned, Some(false));
}

#[test]
fn the_sysctl_stands_in_for_what_was_not_set() {
    let socket = decode(|r| {
        (r.keepalive_time, r.keepalive_intvl, r.keepalive_probes) = (0, 0, 0);
        r.keepalive_expires = after(7_180_000);
    });
    let idle = socket.keepalive.idle;
    assert_eq!(
        (idle.value, idle.from),
        (Some(7200), Some(SettingFrom::Sysctl))
    );
    assert_eq!(socket.keepalive.detect_s(), Some(7875));
    assert_eq!(socket.keepalive.next_probe_ms, Some(7_180_000));
}

#[test]
fn data_in_flight_hides_the_keepalive_timer_and_stops_probing() {
    let in_flight = decode(|r| {
        r.packets_out = 2;
        r.pending = 1;
        r.retransmits = 4;
        r.retransmit_expires = after(1_200);
    });
    assert_eq!(in_flight.timer.unwrap().to_string(), "on (1.20/4/0)");
    assert_eq!(in_flight.keepalive.next_probe_ms, None);
    assert_eq!(in_flight.keepalive.unanswered, Some(0));
    assert_eq!(in_flight.in_flight, Some(true));
    // A closed window: probes of the window are counted in the same field.
    let closed = decode(|r| {
        r.unsent = 100;
        r.pending = 3;
        r.probes_out = 5;
        r.retransmit_expires = after(8);
    });
    assert_eq!(closed.timer.unwrap().to_string(), "probe (0.00/0/5)");
    assert_eq!(closed.keepalive.unanswered, None);
    assert_eq!(closed.keepalive.next_probe_ms, None);
}

#[test]
fn a_timer_of_a_kind_that_is_not_known_is_none() {
    let newer = decode(|r| r.pending = 9);
    assert_eq!(newer.timer, None);
    assert_eq!(newer.state, State::Established);
}

/// In a PID namespace of its own, observer sees no process outside: a file is held by one of them.
#[test]
fn a_socket_that_a_hidden_process_holds_has_unknown_owners() {
    let mut record = record();
    record.flags |= flag::FILE;
    record.flags &= !(flag::OWNER | flag::KERNEL);
    let kernel_owned = |hides_processes| {
        let units = Units {
            hides_processes,
            ..UNITS
        };
        socket(&record, units).unwrap().kernel_owned
    };
    assert_eq!(kernel_owned(true), None);
    assert_eq!(kernel_owned(false), Some(false));
}

#[test]
fn an_unanswered_probe_shortens_quiet_and_is_followed_until_given_up() {
    let probing = decode(|r| {
        r.lsndtime = before(75_000);
        r.lrcvtime = before(75_000);
        r.rcv_tstamp = before(75_000);
        r.probes_out = 2;
        r.keepalive_expires = after(5_000);
    });
    assert_eq!(probing.keepalive.unanswered, Some(2));
    assert_eq!(probing.keepalive.next_probe_ms, Some(5_000));
    assert_eq!(probing.idle.probe_ms, Some(5_000));
    assert_eq!(probing.idle.quiet_ms(), Some(5_000));
    assert_eq!(probing.idle.data_ms(), Some(75_000));
    let last = decode(|r| {
        r.probes_out = 3;
        r.keepalive_expires = after(5_000);
    });
    assert_eq!(last.keepalive.next_probe_ms, None);
}

#[test]
fn the_fin_timer_of_an_orphan_is_no_probe() {
    let orphan = decode(|r| {
        r.state = State::FinWait2 as u8;
        r.flags = flag::KEEPALIVE | flag::KEEPALIVE_PENDING;
    });
    assert_eq!(orphan.keepalive.next_probe_ms, None);
    assert_eq!(orphan.timer.unwrap().kind, TimerKind::Keepalive);
    assert!(orphan.owners.is_empty());
}

#[test]
fn stamps_before_the_handshake_mean_nothing() {
    for state in [State::SynSent, State::Listen, State::Close] {
        let socket = decode(|r| r.state = state as u8);
        assert_eq!(socket.idle, Idle::default(), "{state:?}");
        assert_eq!(socket.keepalive.next_probe_ms, None, "{state:?}");
    }
    assert_eq!(decode(|r| r.state = State::Listen as u8).unacked, None);
}

#[test]
fn a_stamp_of_another_processor_may_be_ahead() {
    assert_eq!(UNITS.since_ms(100, 101), 0);
    assert_eq!(UNITS.since_ms(100, 100), 0);
    assert_eq!(UNITS.since_ms(5, u32::MAX - 4), 40);
    assert_eq!(UNITS.until_ms(u32::MAX, 24), 100);
    assert_eq!(UNITS.until_ms(100, 90), 0);
}

#[test]
fn who_owns_what_no_descriptor_leads_to() {
    let owned =
        |flags, allocation| decode(|r| (r.flags, r.allocation) = (flags, allocation)).kernel_owned;
    let held = flag::SOCKET | flag::FILE;
    assert_eq!(owned(held, 0xcc0), Some(false), "io_uring");
    assert_eq!(owned(held, 0x2c00), Some(true), "nbd");
    assert_eq!(owned(flag::SOCKET | flag::KERNEL, 0xcc0), Some(true));
    assert_eq!(owned(0, 0xcc0), Some(false), "orphan");
    let blind = Units {
        knows_kernel_sockets: false,
        ..UNITS
    };
    assert_eq!(socket(&record(), blind).unwrap().kernel_owned, None);
}

#[test]
fn small_sockets_have_addresses_and_a_timer() {
    let waiting = decode(|r| {
        r.kind = RecordKind::TimeWait as u8;
        r.state = State::TimeWait as u8;
        r.flags = 0;
        r.retransmit_expires = after(57_290);
    });
    assert_eq!(waiting.timer.unwrap().kind, TimerKind::TimeWait);
    assert_eq!(waiting.keepalive, Keepalive::default());
    assert_eq!((waiting.uid, waiting.bytes_sent), (None, None));
}

#[test]
fn addresses_of_both_families() {
    let mapped = "::ffff:10.0.3.7".parse::<Ipv6Addr>().unwrap().octets();
    let (high, low) = mapped.split_at(8);
    let words = [high, low].map(|half| u64::from_ne_bytes(half.try_into().unwrap()));
    let socket = decode(|r| (r.family, r.local) = (10, words));
    assert_eq!(socket.local.to_string(), "[::ffff:10.0.3.7]:51122");
    let mut other = record();
    other.family = 1;
    assert_eq!(super::socket(&other, UNITS), None);
}

#[test]
fn hz_is_guessed_from_jiffies_and_uptime() {
    let jiffies =
        |hz: i64, uptime_s: i64| u64::try_from((1_i64 << 32) + hz * (uptime_s - 300)).unwrap();
    for hz in [100, 250, 300, 1000] {
        for uptime_s in [4, 100, 250, 3600, 86_400 * 400] {
            let uptime = Duration::from_secs(u64::try_from(uptime_s).unwrap());
            let guess = Units::guess_hz(jiffies(hz, uptime_s), uptime);
            assert_eq!(i64::from(guess), hz, "after {uptime_s} s");
        }
    }
}

proptest! {
    /// Whatever the kernel writes, decoding answers.
    #[test]
    fn any_record_decodes_or_is_left_out(bytes in prop::collection::vec(any::<u8>(), 192), hz: u32) {
        // SAFETY: as long as the type, which holds integers only.
        let record = unsafe { bytes.as_ptr().cast::<SocketRecord>().read_unaligned() };
        let units = Units { hz, ..UNITS };
        if let Some(socket) = socket(&record, units) {
            prop_assert!(socket.idle.quiet_ms() <= socket.idle.data_ms());
            let _text = socket.timer.map(|timer| timer.to_string());
            let _detect = socket.keepalive.detect_s();
        }
    }

    /// The next probe and the moment of giving up are those of the kernel's timer, simulated
    /// second by second.
    #[test]
    fn next_probe_and_detect_are_the_kernels(
        idle in 1_u32..40, interval in 1_u32..15, probes in 1_u8..6,
        user_timeout_s in 0_u32..80, silent in 0_u32..39,
    ) {
        // With a longer interval it depends on what was heard last: keepalive_simulated.rs.
        prop_assume!(silent < idle && interval <= idle);
        let socket = decode(|r| {
            r.keepalive_time = idle * 250;
            r.keepalive_intvl = interval * 250;
            r.keepalive_probes = probes;
            r.user_timeout_ms = user_timeout_s * 1000;
            r.lsndtime = before(silent * 1000);
            r.lrcvtime = before(silent * 1000);
            r.rcv_tstamp = before(silent * 1000);
            r.keepalive_expires = after((idle - silent) * 1000);
        });
        let (first, given_up) = simulate(idle, interval, probes.into(), user_timeout_s);
        prop_assert_eq!(
            socket.keepalive.next_probe_ms,
            Some(u64::from(first - silent) * 1000)
        );
        prop_assert_eq!(socket.keepalive.detect_s(), Some(given_up.into()));
    }
}

/// `tcp_keepalive_timer` on a connection whose peer is dead, from the last packet heard: when the
/// first probe leaves, and when the connection is given up, in seconds.
fn simulate(idle: u32, interval: u32, probes: u32, user_timeout_s: u32) -> (u32, u32) {
    let (mut fires_at, mut probes_out, mut first) = (idle, 0, None);
    loop {
        let elapsed = fires_at;
        let given_up = if user_timeout_s != 0 {
            elapsed >= user_timeout_s && probes_out > 0
        } else {
            probes_out >= probes
        };
        if given_up {
            return (first.unwrap_or(elapsed), elapsed);
        }
        first.get_or_insert(elapsed);
        probes_out += 1;
        fires_at = elapsed + interval;
    }
}
