use super::*;
use crate::model::{Family, SettingFrom};

const SYSCTLS: KeepaliveSysctls = KeepaliveSysctls {
    idle_s: 7200,
    interval_s: 75,
    probes: 9,
};

/// An established, silent connection with keepalive on: nothing sent for 50 s, the peer heard
/// 40 s ago, the timer due in 20 s.
fn parts() -> Parts {
    Parts {
        diag: DiagSocket {
            family: Family::Ipv4,
            state: State::Established,
            local: "10.0.0.1:1000".parse().unwrap(),
            remote: "10.0.0.2:443".parse().unwrap(),
            cookie: 7,
            uid: 1000,
            inode: 88123,
            timer: Some(timer(TimerKind::Keepalive, 20_000, 0)),
            cgroup_id: None,
            info: Some(TcpInfo {
                unacked: Some(0),
                notsent_bytes: Some(0),
                last_data_sent_ms: Some(50_000),
                last_data_received_ms: Some(45_000),
                last_ack_received_ms: Some(40_000),
                bytes_sent: Some(10),
                bytes_received: Some(20),
                ..TcpInfo::default()
            }),
        },
        netns: 1,
        peer_is_local: Some(false),
        sysctls: Some(SYSCTLS),
        owners: SmallVec::new(),
        cgroup: None,
        options: Some(Options {
            keepalive: true,
            idle_s: 60,
            interval_s: 75,
            probes: 9,
            user_timeout_ms: 0,
        }),
        uptime_ms: 1_000_000,
    }
}

fn timer(kind: TimerKind, expires_ms: u64, unanswered: u32) -> Timer {
    Timer {
        kind,
        expires_ms,
        retransmits: 0,
        unanswered,
    }
}

fn socket(change: impl FnOnce(&mut Parts)) -> Socket {
    let mut parts = parts();
    change(&mut parts);
    parts.into_socket()
}

fn info(parts: &mut Parts) -> &mut TcpInfo {
    parts.diag.info.as_mut().unwrap()
}

#[test]
fn a_silent_connection() {
    let socket = socket(|_| {});
    assert_eq!(socket.keepalive.enabled, Some(true));
    assert_eq!(socket.keepalive.idle.from, Some(SettingFrom::Socket));
    assert_eq!(socket.keepalive.interval.value, Some(75));
    assert_eq!(socket.keepalive.interval.from, None);
    assert_eq!(socket.keepalive.next_probe_ms, Some(20_000));
    assert_eq!(socket.keepalive.unanswered, Some(0));
    assert_eq!(socket.idle.data_ms(), Some(45_000));
    assert_eq!(socket.idle.quiet_ms(), Some(40_000));
    assert_eq!(
        socket.idle.last_data,
        Some(crate::model::Direction::Received)
    );
    assert_eq!(socket.kernel_owned, None);
}

#[test]
fn an_unanswered_probe_tells_when_it_was_sent() {
    let socket = socket(|p| p.diag.timer = Some(timer(TimerKind::Keepalive, 70_000, 2)));
    assert_eq!(socket.keepalive.unanswered, Some(2));
    assert_eq!(socket.idle.probe_ms, Some(5_000));
    assert_eq!(socket.keepalive.next_probe_ms, Some(70_000));
}

#[test]
fn data_in_flight_stops_probing() {
    for in_flight in [
        socket(|p| info(p).unacked = Some(1)),
        socket(|p| info(p).notsent_bytes = Some(1)),
    ] {
        assert_eq!(in_flight.in_flight, Some(true));
        assert_eq!(in_flight.keepalive.next_probe_ms, None);
        assert_eq!(in_flight.keepalive.unanswered, Some(0));
    }
    // The zero-window probe's count is not keepalive's.
    let window = socket(|p| {
        info(p).notsent_bytes = Some(1);
        p.diag.timer = Some(timer(TimerKind::Probe, 100, 4));
    });
    assert_eq!(window.keepalive.unanswered, None);
    assert_eq!(window.timer.map(|t| t.unanswered), Some(4));
}

/// Newer kernels show timers that this observer has not heard of.
#[test]
fn a_timer_that_is_not_known_costs_the_timer_alone() {
    let delayed = socket(|p| {
        p.diag.timer = None;
        info(p).probes = Some(2);
    });
    assert_eq!(delayed.timer, None);
    assert_eq!(delayed.keepalive.enabled, Some(true));
    assert_eq!(delayed.keepalive.unanswered, Some(2));
    assert_eq!(delayed.keepalive.next_probe_ms, None);
}

#[test]
fn without_options_the_timer_tells_whether_keepalive_is_on() {
    let enabled = |state, kind| {
        let without = |p: &mut Parts| {
            p.options = None;
            p.diag.state = state;
            p.diag.timer = Some(timer(kind, 20_000, 0));
        };
        socket(without).keepalive.enabled
    };
    assert_eq!(
        enabled(State::Established, TimerKind::Keepalive),
        Some(true)
    );
    assert_eq!(enabled(State::Established, TimerKind::Off), Some(false));
    assert_eq!(enabled(State::Established, TimerKind::On), None);
    assert_eq!(enabled(State::FinWait2, TimerKind::Keepalive), None);
    let unread = socket(|p| p.options = None);
    assert_eq!(unread.keepalive.idle, Setting::default());
    assert_eq!(unread.keepalive.next_probe_ms, None);
}

#[test]
fn an_orphan_in_fin_wait_2_does_not_probe() {
    let orphan = socket(|p| {
        p.diag.state = State::FinWait2;
        p.diag.inode = 0;
        p.diag.timer = Some(timer(TimerKind::Keepalive, 20_000, 1));
    });
    assert_eq!(orphan.keepalive.next_probe_ms, None);
    assert_eq!(orphan.keepalive.unanswered, None);
    assert_eq!(orphan.inode, None);
}

#[test]
fn what_was_never_established_has_no_idle_time() {
    for state in [State::SynSent, State::Listen] {
        let young = socket(|p| p.diag.state = state);
        assert_eq!(young.idle, Idle::default(), "{state:?}");
    }
    let listening = socket(|p| p.diag.state = State::Listen);
    assert_eq!((listening.unacked, listening.in_flight), (None, None));
}

#[test]
fn sockets_without_info_have_no_zeros() {
    let small = socket(|p| {
        p.diag.info = None;
        p.options = None;
        p.diag.state = State::TimeWait;
        p.diag.timer = Some(timer(TimerKind::TimeWait, 20_000, 0));
    });
    assert_eq!(small.uid, None);
    assert_eq!(
        (small.unacked, small.bytes_sent, small.segs_in),
        (None, None, None)
    );
    assert_eq!(small.keepalive, Keepalive::default());
}

#[test]
fn a_stamp_from_before_boot_is_none() {
    let restored = socket(|p| info(p).last_ack_received_ms = Some(4_294_667_296));
    assert_eq!(restored.idle.ack_ms, None);
    assert_eq!(restored.idle.quiet_ms(), Some(45_000));
    assert!(restored.keepalive.next_probe_ms.is_some());
}
