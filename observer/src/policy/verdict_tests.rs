use proptest::prelude::*;

use super::*;
use crate::model::testing::socket;
use crate::model::{Idle, Setting, SettingFrom, State, Timer, TimerKind};
use crate::policy::{Health, Reason, Reasons};

fn path() -> PathLimit {
    PathLimit::of(Some(350))
}

fn with(change: impl FnOnce(&mut Socket)) -> Socket {
    let mut socket = socket();
    change(&mut socket);
    socket
}

fn on(idle_s: u32, from: SettingFrom) -> Socket {
    with(|s| {
        s.keepalive.enabled = Some(true);
        s.keepalive.idle = Setting {
            value: Some(idle_s),
            from: Some(from),
        };
    })
}

fn quiet_for(mut socket: Socket, ms: u64) -> Socket {
    socket.idle = Idle {
        sent_ms: Some(ms),
        received_ms: Some(ms),
        ..Idle::default()
    };
    socket
}

fn health(socket: &Socket) -> Option<Health> {
    let verdict = Verdict::of(socket, &path());
    Health::of(socket, verdict, &path(), 0.5)
}

fn reasons(socket: &Socket) -> Vec<&'static str> {
    Reasons::of(socket, &path())
        .iter()
        .map(Reason::name)
        .collect()
}

#[test]
fn the_idle_time_must_be_below_the_limit() {
    let verdict = |idle_s| Verdict::of(&on(idle_s, SettingFrom::Socket), &path());
    assert_eq!(verdict(349), Some(Verdict::Protected));
    assert_eq!(verdict(350), Some(Verdict::Late));
    assert_eq!(verdict(7200), Some(Verdict::Late));
}

/// `psql keepalives_idle=1` through a middlebox that forgets after 5 s hangs: after the first probe
/// the next one comes 75 s later.
#[test]
fn the_interval_must_be_below_the_limit() {
    let with_interval = |interval_s| {
        let mut socket = on(1, SettingFrom::Socket);
        socket.keepalive.interval.value = interval_s;
        socket
    };
    let verdict = |interval_s| Verdict::of(&with_interval(Some(interval_s)), &path());
    assert_eq!(verdict(349), Some(Verdict::Protected));
    assert_eq!(verdict(350), Some(Verdict::Late));
    assert_eq!(reasons(&with_interval(Some(349))), [] as [&str; 0]);
    assert_eq!(reasons(&with_interval(Some(350))), ["interval-above-limit"]);
    let unknown = with_interval(None);
    assert_eq!(Verdict::of(&unknown, &path()), None);
    assert_eq!(reasons(&unknown), [] as [&str; 0]);
    let mut late_anyway = on(7200, SettingFrom::Socket);
    late_anyway.keepalive.interval = Setting::default();
    assert_eq!(Verdict::of(&late_anyway, &path()), Some(Verdict::Late));
}

/// A sysctl lowered, the interval lowered, or the switch set last: the values are good, and the timer was
/// armed before.
#[test]
fn the_timer_that_is_armed_decides() {
    let armed = |timer_ms, quiet_ms| {
        let mut socket = quiet_for(on(60, SettingFrom::Socket), quiet_ms);
        socket.idle.ack_ms = Some(quiet_ms);
        socket.keepalive.timer_ms = Some(timer_ms);
        socket
    };
    let verdict = |timer_ms, quiet_ms| Verdict::of(&armed(timer_ms, quiet_ms), &path());
    assert_eq!(verdict(59_000, 1000), Some(Verdict::Protected));
    assert_eq!(verdict(300_000, 49_999), Some(Verdict::Protected));
    assert_eq!(verdict(300_000, 50_000), Some(Verdict::Late));
    assert_eq!(verdict(7_199_000, 1000), Some(Verdict::Late));
    // It fires before the silence has lasted for the idle time, and is armed for the rest.
    assert_eq!(verdict(10, 1000), Some(Verdict::Protected));
    assert_eq!(reasons(&armed(7_199_000, 1000)), ["timer-too-late"]);
    assert_eq!(health(&armed(7_199_000, 175_000)), Some(Health::AtRisk));
    assert_eq!(health(&armed(7_199_000, 350_000)), Some(Health::Stale));
    let mut unstamped = armed(1000, 1000);
    unstamped.idle = Idle::default();
    assert_eq!(Verdict::of(&unstamped, &path()), None);
}

#[test]
fn no_probes_are_no_protection() {
    let mut socket = on(60, SettingFrom::Sysctl);
    socket.keepalive.probes.value = Some(0);
    assert_eq!(Verdict::of(&socket, &path()), Some(Verdict::Late));
    assert_eq!(reasons(&socket), ["no-probes"]);
    // Then the timeout decides, not the count.
    socket.keepalive.user_timeout_ms = Some(90_000);
    assert_eq!(Verdict::of(&socket, &path()), Some(Verdict::Protected));
    socket.keepalive.probes.value = None;
    socket.keepalive.user_timeout_ms = Some(0);
    assert_eq!(Verdict::of(&socket, &path()), None);
}

/// A proxy answers probes itself, and its idle timer goes on.
#[test]
fn keepalive_does_not_help_where_payload_counts() {
    let payload = PathLimit {
        counts: Counts::Payload,
        ..path()
    };
    let mut socket = quiet_for(on(60, SettingFrom::Socket), 400_000);
    socket.idle.ack_ms = Some(10);
    let verdict = Verdict::of(&socket, &payload);
    assert_eq!(verdict, Some(Verdict::Unprotected));
    let health = Health::of(&socket, verdict, &payload, 0.5);
    assert_eq!(health, Some(Health::Stale));
    let reasons = Reasons::of(&socket, &payload);
    assert!(reasons.contains(Reason::KeepaliveNotCounted));
}

#[test]
fn an_unanswered_probe_of_a_closed_window_is_no_health() {
    let window = |unanswered| {
        with(|s| {
            s.in_flight = Some(true);
            s.unacked = Some(0);
            s.keepalive.unanswered = (unanswered == 0).then_some(0);
            s.timer = Some(Timer {
                kind: TimerKind::Probe,
                expires_ms: 400,
                retransmits: 0,
                unanswered,
            });
        })
    };
    assert_eq!(health(&window(0)), Some(Health::Ok));
    assert_eq!(
        health(&window(1)),
        Some(Health::Ok),
        "its answer is held back"
    );
    assert_eq!(health(&window(3)), Some(Health::Probing));
}

#[test]
fn without_a_path_or_a_connection_there_is_nothing_to_protect() {
    let off = with(|s| s.keepalive.enabled = Some(false));
    assert_eq!(Verdict::of(&off, &path()), Some(Verdict::Unprotected));
    assert_eq!(
        Verdict::of(&off, &PathLimit::of(None)),
        Some(Verdict::Exempt)
    );
    for state in State::ALL {
        let socket = with(|s| {
            s.state = state;
            s.keepalive.enabled = None;
        });
        let expected = (!state.is_connected()).then_some(Verdict::Exempt);
        assert_eq!(Verdict::of(&socket, &path()), expected, "{}", state.name());
    }
}

#[test]
fn unknown_values_give_no_verdict() {
    let unknown_switch = with(|s| s.keepalive.enabled = None);
    assert_eq!(Verdict::of(&unknown_switch, &path()), None);
    let unknown_idle = with(|s| {
        s.keepalive.enabled = Some(true);
        s.keepalive.idle = Setting::default();
    });
    assert_eq!(Verdict::of(&unknown_idle, &path()), None);
    assert_eq!(health(&unknown_idle), None);
    assert_eq!(reasons(&unknown_idle), [] as [&str; 0]);
}

#[test]
fn silence_makes_at_risk_then_stale() {
    let off = with(|s| s.keepalive.enabled = Some(false));
    let after = |ms| health(&quiet_for(off.clone(), ms));
    assert_eq!(after(174_999), Some(Health::Ok));
    assert_eq!(after(175_000), Some(Health::AtRisk));
    assert_eq!(after(349_999), Some(Health::AtRisk));
    assert_eq!(after(350_000), Some(Health::Stale));
    let late = quiet_for(on(7200, SettingFrom::Sysctl), 400_000);
    assert_eq!(health(&late), Some(Health::Stale));
    let protected = quiet_for(on(60, SettingFrom::Socket), 400_000);
    assert_eq!(health(&protected), Some(Health::Ok));
}

#[test]
fn a_peer_that_probes_keeps_the_path_open() {
    let mut off = quiet_for(with(|s| s.keepalive.enabled = Some(false)), 300_000);
    off.idle.peer_keeps_alive = true;
    assert_eq!(health(&off), Some(Health::Ok));
    let mut rarely = quiet_for(off.clone(), 400_000);
    rarely.idle.peer_keeps_alive = true;
    assert_eq!(
        health(&rarely),
        Some(Health::Stale),
        "its probes come too late"
    );
    assert!(Reasons::of(&off, &path()).contains(Reason::PeerKeepsAlive));
}

#[test]
fn unknown_silence_is_unknown_health() {
    let off = with(|s| {
        s.keepalive.enabled = Some(false);
        s.idle = Idle::default();
    });
    assert_eq!(health(&off), None);
}

#[test]
fn retransmission_comes_first_and_needs_no_verdict() {
    let retransmitting = with(|s| {
        s.keepalive.enabled = None;
        s.keepalive.unanswered = Some(1);
        s.in_flight = Some(true);
        s.timer = Some(Timer {
            kind: TimerKind::On,
            expires_ms: 400,
            retransmits: 2,
            unanswered: 0,
        });
    });
    assert_eq!(health(&retransmitting), Some(Health::Retransmitting));
    let mut probing = retransmitting;
    probing.in_flight = Some(false);
    assert_eq!(health(&probing), Some(Health::Probing));
    probing.keepalive.unanswered = Some(0);
    assert_eq!(health(&probing), None);
}

#[test]
fn what_cannot_be_told_is_not_ok() {
    let mut socket = quiet_for(on(60, SettingFrom::Socket), 0);
    assert_eq!(health(&socket), Some(Health::Ok));
    socket.keepalive.unanswered = None;
    assert_eq!(health(&socket), None);
    socket.keepalive.unanswered = Some(0);
    socket.timer = None;
    assert_eq!(health(&socket), Some(Health::Ok), "nothing is in flight");
    socket.in_flight = Some(true);
    assert_eq!(health(&socket), None);
}

#[test]
fn a_listener_is_exempt_and_ok() {
    let listener = with(|s| {
        s.state = State::Listen;
        s.keepalive.unanswered = None;
        s.in_flight = None;
        s.timer = Some(Timer::OFF);
        s.idle = Idle::default();
    });
    assert_eq!(
        Verdict::of(&listener, &PathLimit::of(None)),
        Some(Verdict::Exempt)
    );
    assert_eq!(health(&listener), Some(Health::Ok));
}

proptest! {
    #[test]
    fn a_longer_idle_time_never_protects_more(
        idle_s in 1u32..40_000, more_s in 0u32..40_000, limit_s in 1u64..100_000,
    ) {
        let protected = |idle_s| {
            Verdict::of(&on(idle_s, SettingFrom::Socket), &PathLimit::of(Some(limit_s))) == Some(Verdict::Protected)
        };
        prop_assert!(protected(idle_s) || !protected(idle_s + more_s));
    }

    #[test]
    fn a_longer_limit_never_protects_less(
        idle_s in 1u32..40_000, limit_s in 1u64..100_000, more_s in 0u64..100_000,
    ) {
        let protected = |limit_s| {
            Verdict::of(&on(idle_s, SettingFrom::Socket), &PathLimit::of(Some(limit_s))) == Some(Verdict::Protected)
        };
        prop_assert!(!protected(limit_s) || protected(limit_s + more_s));
    }

    #[test]
    fn longer_silence_never_heals(
        quiet_ms in 0u64..1_000_000, more_ms in 0u64..1_000_000, limit_s in 1u64..1000,
    ) {
        let rank = |ms| {
            let socket = quiet_for(with(|s| s.keepalive.enabled = Some(false)), ms);
            match Health::of(&socket, Some(Verdict::Unprotected), &PathLimit::of(Some(limit_s)), 0.5) {
                Some(Health::Ok) => 0,
                Some(Health::AtRisk) => 1,
                Some(Health::Stale) => 2,
                other => panic!("{other:?}"),
            }
        };
        prop_assert!(rank(quiet_ms) <= rank(quiet_ms + more_ms));
    }
}
