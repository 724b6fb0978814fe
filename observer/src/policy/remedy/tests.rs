use proptest::prelude::*;

use super::*;
use crate::model::testing;
use crate::model::{Keepalive, Setting, SettingFrom};
use crate::policy::Policy;
use crate::policy::path::{Limit, PathPolicy};

/// Greatest values that the kernel takes: `MAX_TCP_KEEPIDLE`, `MAX_TCP_KEEPINTVL` and
/// `MAX_TCP_KEEPCNT`.
const MOST: (u32, u32, u32) = (32767, 32767, 127);

fn policy(limit_s: u64) -> Policy {
    let limit = Limit::Duration {
        limit_s,
        written: format!("{limit_s}s").into(),
    };
    Policy {
        path: PathPolicy::new(limit, Vec::new()),
        ..Policy::default()
    }
}

fn remedy(socket: &Socket, limit_s: u64) -> KeepaliveRemedy {
    Remedy::of(socket, &policy(limit_s).judge(socket)).keepalive
}

fn own(value: u32) -> Setting {
    Setting {
        value: Some(value),
        from: Some(SettingFrom::Socket),
    }
}

fn set(keepalive: &mut Keepalive, setting: KeepaliveSetting, value: u32) {
    *match setting {
        KeepaliveSetting::Idle => &mut keepalive.idle,
        KeepaliveSetting::Interval => &mut keepalive.interval,
        KeepaliveSetting::Probes => &mut keepalive.probes,
    } = own(value);
}

/// As the kernel arms it: the switch for the idle time, TCP_KEEPIDLE for what is left of that.
fn arm(socket: &mut Socket, rest: bool) {
    let heard_ms = socket.idle.timer_heard_ms().filter(|_| rest).unwrap_or(0);
    let idle_ms = socket.keepalive.idle.value.map(|s| u64::from(s) * 1000);
    socket.keepalive.timer_ms = idle_ms.map(|ms| ms.saturating_sub(heard_ms));
}

/// The socket after the changes that are needed.
fn with_needed(socket: &Socket, changes: &SettingChanges) -> Socket {
    let mut socket = socket.clone();
    for change in &changes.needed {
        match *change {
            Change::TurnOn => {
                socket.keepalive.enabled = Some(true);
                arm(&mut socket, false);
            }
            Change::Set { setting, to, .. } => {
                set(&mut socket.keepalive, setting, to);
                if setting == KeepaliveSetting::Idle {
                    arm(&mut socket, true);
                }
            }
        }
    }
    socket
}

/// The socket after all advised values were set.
fn with_values(socket: &Socket, values: &KeepaliveValues) -> Socket {
    let mut socket = socket.clone();
    socket.keepalive.enabled = Some(true);
    for setting in KeepaliveSetting::ALL {
        set(&mut socket.keepalive, setting, values.get(setting));
    }
    arm(&mut socket, true);
    socket
}

/// The next such socket, made under the advised sysctls.
fn with_sysctls(socket: &Socket, values: &KeepaliveValues) -> Socket {
    let mut socket = socket.clone();
    for setting in KeepaliveSetting::ALL {
        if setting.of(&socket.keepalive).from == Some(SettingFrom::Sysctl) {
            set(&mut socket.keepalive, setting, values.get(setting));
        }
    }
    let now = Some(0);
    (
        socket.idle.sent_ms,
        socket.idle.received_ms,
        socket.idle.ack_ms,
    ) = (now, now, now);
    arm(&mut socket, false);
    socket
}

fn maybe<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.9, value)
}

/// A setting as the kernel has it: 1 to its greatest on the socket, anything from 0 by sysctl.
fn setting(most: u32) -> impl Strategy<Value = Setting> {
    let own = prop_oneof![1..=most, Just(1), Just(2), Just(3), Just(most)];
    let sysctl = prop_oneof![0..=most, Just(0), Just(u32::MAX)];
    prop_oneof![
        own.prop_map(|value| (value, SettingFrom::Socket)),
        sysctl.prop_map(|value| (value, SettingFrom::Sysctl)),
    ]
    .prop_flat_map(|(value, from)| {
        (maybe(Just(value)), maybe(Just(from))).prop_map(|(value, from)| Setting { value, from })
    })
}

fn sockets() -> impl Strategy<Value = Socket> {
    let settings = (setting(MOST.0), setting(MOST.1), setting(MOST.2));
    let timeout = maybe(prop_oneof![Just(0), 1_u32..2000, any::<u32>()]);
    let state = proptest::sample::select(&crate::model::State::ALL[..]);
    let timer = maybe(prop_oneof![0_u64..10_000, 0_u64..8_000_000]);
    (maybe(any::<bool>()), settings, timeout, timer, state).prop_map(
        |(enabled, (idle, interval, probes), user_timeout_ms, timer_ms, state)| {
            let mut socket = testing::socket();
            socket.state = state;
            socket.keepalive = Keepalive {
                enabled,
                idle,
                interval,
                probes,
                user_timeout_ms,
                timer_ms,
                ..socket.keepalive
            };
            socket
        },
    )
}

fn limits() -> impl Strategy<Value = u64> {
    prop_oneof![1_u64..5, 1_u64..40_000, 1_u64..=u64::MAX]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn after_the_remedy_a_socket_is_protected(socket in sockets(), limit_s in limits()) {
        let judge = |socket: &Socket| policy(limit_s).judge(socket).verdict;
        let before = judge(&socket);
        let remedy = remedy(&socket, limit_s);
        match (before, &remedy) {
            (Some(Verdict::Protected | Verdict::Exempt), KeepaliveRemedy::NotNeeded) => {}
            (Some(Verdict::Late | Verdict::Unprotected), KeepaliveRemedy::Protects(changes))
            | (None, KeepaliveRemedy::Unknown(changes)) => {
                prop_assert!(!changes.needed.is_empty());
                let needed = with_needed(&socket, changes);
                prop_assert_eq!(judge(&needed), Some(Verdict::Protected), "{:?}", changes);
                prop_assert!(needed.keepalive.probes.value != Some(0));
                // Only 1 s is too short for the values, which may not be needed then.
                if limit_s > 1 {
                    let anew = with_values(&socket, &changes.values);
                    prop_assert_eq!(judge(&anew), Some(Verdict::Protected), "{:?}", changes);
                }
                if changes.sysctls_suffice(&socket.keepalive) == Some(true) {
                    let next = with_sysctls(&socket, &changes.values);
                    prop_assert_eq!(judge(&next), Some(Verdict::Protected), "{:?}", changes);
                }
            }
            (_, KeepaliveRemedy::LimitTooShort(nearest)) => {
                // No socket option is below 1 s; only a sysctl of 0 s would be, and it moves no timer.
                prop_assert_eq!(limit_s, 1);
                prop_assert_eq!(nearest.values.idle_s, 1);
            }
            (verdict, remedy) => prop_assert!(false, "{verdict:?} has {remedy:?}"),
        }
    }

    #[test]
    fn values_are_those_that_the_kernel_takes(limit_s in limits()) {
        let values = KeepaliveValues::for_limit(limit_s);
        prop_assert!((1..=MOST.0).contains(&values.idle_s));
        prop_assert!((1..=MOST.1).contains(&values.interval_s));
        prop_assert!((1..=MOST.2).contains(&values.probes));
        prop_assert!(limit_s == 1 || u64::from(values.idle_s) * 2 <= limit_s);
    }
}

#[test]
fn the_first_probe_leaves_at_half_of_the_limit_at_the_latest() {
    let values = |limit_s| {
        let values = KeepaliveValues::for_limit(limit_s);
        (values.idle_s, values.interval_s, values.probes)
    };
    assert_eq!(values(350), (60, 15, 4));
    assert_eq!(values(120), (60, 15, 4));
    assert_eq!(values(119), (55, 13, 4));
    assert_eq!(values(30), (15, 3, 4));
    assert_eq!(values(9), (4, 1, 4));
    assert_eq!(values(3), (1, 1, 4));
    assert_eq!(values(1), (1, 1, 4));
    assert_eq!(values(u64::MAX), (60, 15, 4));
}

#[test]
fn both_times_are_lowered_where_both_are_too_long() {
    let mut socket = testing::socket();
    socket.keepalive.enabled = Some(true);
    (socket.keepalive.idle, socket.keepalive.interval) = (own(600), own(700));
    let KeepaliveRemedy::Protects(changes) = remedy(&socket, 350) else {
        panic!("it is late");
    };
    let lower = |setting, now, to| Change::Set {
        setting,
        now: own(now),
        to,
    };
    let expected = [
        lower(KeepaliveSetting::Idle, 600, 60),
        lower(KeepaliveSetting::Interval, 700, 15),
    ];
    assert_eq!(changes.needed, expected);
    assert_eq!(changes.sysctls_suffice(&socket.keepalive), Some(false));
}

#[test]
fn good_values_stay_and_the_switch_is_set() {
    let mut socket = testing::socket();
    (socket.keepalive.idle, socket.keepalive.interval) = (own(30), own(10));
    let KeepaliveRemedy::Protects(changes) = remedy(&socket, 350) else {
        panic!("it is unprotected");
    };
    assert_eq!(changes.needed, [Change::TurnOn]);
}

#[test]
fn a_peer_that_does_not_answer_is_no_matter_of_the_program() {
    let mut socket = testing::socket();
    socket.keepalive.enabled = Some(true);
    socket.keepalive.idle = own(60);
    socket.keepalive.unanswered = Some(1);
    socket.keepalive.user_timeout_ms = Some(30);
    let remedy = Remedy::of(&socket, &policy(350).judge(&socket));
    let expected = Remedy {
        keepalive: KeepaliveRemedy::NotNeeded,
        peer: Some(PeerFault::ProbesUnanswered),
        tiny_user_timeout_ms: Some(30),
    };
    assert_eq!(remedy, expected);
}
