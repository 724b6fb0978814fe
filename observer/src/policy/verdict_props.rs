//! Which way verdict and health go when one value changes and everything else stays.

use proptest::prelude::*;

use super::*;
use crate::model::testing;
use crate::model::{Idle, State, Timer, TimerKind};
use crate::policy::{Health, Reasons};

/// From good to bad; the first two are ahead of any silence.
fn badness(health: Health) -> usize {
    let order = [
        Health::Ok,
        Health::AtRisk,
        Health::Stale,
        Health::Probing,
        Health::Retransmitting,
    ];
    order.iter().position(|other| *other == health).unwrap()
}

fn maybe<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.9, value)
}

/// Everything that judging looks at.
fn sockets() -> impl Strategy<Value = Socket> {
    let settings = (
        maybe(any::<bool>()),
        maybe(0_u32..2000),
        maybe(0_u32..2000),
        maybe(0_u32..3),
        maybe(0_u64..3_000_000),
    );
    let silence = (maybe(0_u64..3_000_000), maybe(0_u64..3_000_000));
    let timer = maybe((0_u32..2).prop_map(|retransmits| Timer {
        kind: TimerKind::On,
        expires_ms: 5,
        retransmits,
        unanswered: 0,
    }));
    let state = proptest::sample::select(&State::ALL[..]);
    let silence = (silence, any::<bool>());
    (settings, silence, timer, maybe(any::<bool>()), state).prop_map(
        |(
            (enabled, idle_s, interval_s, unanswered, timer_ms),
            ((data_ms, ack_ms), peer_keeps_alive),
            timer,
            in_flight,
            state,
        )| {
            let mut socket = testing::socket();
            socket.state = state;
            socket.keepalive.enabled = enabled;
            socket.keepalive.idle.value = idle_s;
            socket.keepalive.interval.value = interval_s;
            socket.keepalive.timer_ms = timer_ms;
            // Where no probe can leave none is unanswered.
            let can_probe = enabled == Some(true) && state.has_stamps() && state != State::TimeWait;
            socket.keepalive.unanswered = unanswered.filter(|count| can_probe || *count == 0);
            socket.idle = Idle {
                sent_ms: data_ms,
                received_ms: data_ms,
                ack_ms,
                peer_keeps_alive,
                ..Idle::default()
            };
            socket.timer = timer;
            socket.in_flight = in_flight;
            socket
        },
    )
}

fn limits() -> impl Strategy<Value = Option<u64>> {
    maybe(prop_oneof![1_u64..2000, Just(u64::MAX)])
}

fn health(socket: &Socket, limit_s: Option<u64>, at_risk: f64) -> Option<Health> {
    let path = PathLimit::of(limit_s);
    Health::of(socket, Verdict::of(socket, &path), &path, at_risk)
}

proptest! {
    #[test]
    fn a_verdict_says_what_its_definition_says(socket in sockets(), limit_s in limits()) {
        let verdict = Verdict::of(&socket, &PathLimit::of(limit_s));
        let exempt = limit_s.is_none() || !socket.state.is_connected();
        prop_assert_eq!(verdict == Some(Verdict::Exempt), exempt);
        if !exempt {
            let off = socket.keepalive.enabled == Some(false);
            prop_assert_eq!(verdict == Some(Verdict::Unprotected), off);
        }
    }

    #[test]
    fn more_idle_time_and_a_shorter_limit_never_protect(
        socket in sockets(), limit_s in 1_u64..2000, less_s in 0_u64..2000, more_s in 0_u32..2000,
    ) {
        let before = Verdict::of(&socket, &PathLimit::of(Some(limit_s)));
        let mut later = socket.clone();
        later.keepalive.idle.value = socket.keepalive.idle.value.map(|s| s + more_s);
        let mut rarer = socket.clone();
        rarer.keepalive.interval.value = socket.keepalive.interval.value.map(|s| s + more_s);
        let shorter = Some(limit_s.saturating_sub(less_s).max(1));
        for after in [
            Verdict::of(&later, &PathLimit::of(Some(limit_s))),
            Verdict::of(&rarer, &PathLimit::of(Some(limit_s))),
            Verdict::of(&socket, &PathLimit::of(shorter)),
            Verdict::of(&later, &PathLimit::of(shorter)),
        ] {
            // Of two values one may not be known.
            let may_worsen = matches!(before, Some(Verdict::Protected) | None);
            let worse = may_worsen && after == Some(Verdict::Late);
            prop_assert!(worse || before == after, "{:?} {:?}", before, after);
        }
    }

    #[test]
    fn silence_and_a_shorter_limit_never_heal(
        socket in sockets(), limit_s in limits(), less_s in 0_u64..2000, more_ms in 0_u64..2_000_000,
        at_risk in 0.01..=1.0, less in 0.01..=1.0,
    ) {
        let rank = |socket: &Socket, limit_s, at_risk| {
            health(socket, limit_s, at_risk).map(badness)
        };
        let before = rank(&socket, limit_s, at_risk);
        let mut left_alone = socket.clone();
        left_alone.idle.peer_keeps_alive = false;
        let mut quieter = socket.clone();
        for ms in [&mut quieter.idle.sent_ms, &mut quieter.idle.received_ms, &mut quieter.idle.ack_ms] {
            *ms = ms.map(|ms| ms + more_ms);
        }
        let shorter = limit_s.map(|s| s.saturating_sub(less_s).max(1));
        for after in [
            rank(&quieter, limit_s, at_risk),
            rank(&socket, limit_s, at_risk * less),
            rank(&left_alone, limit_s, at_risk),
            rank(&socket, shorter, at_risk),
        ] {
            // What was known to be well may be unknown now: a shorter limit asks for the silence.
            let judged = before.zip(after);
            prop_assert!(judged.is_none_or(|(before, after)| before <= after), "{:?}", judged);
        }
    }

    #[test]
    fn what_is_not_known_gives_no_other_answer(
        socket in sockets(), limit_s in limits(), at_risk in 0.01..=1.0, hidden in 0..8,
    ) {
        let mut less = socket.clone();
        match hidden {
            0 => less.keepalive.enabled = None,
            1 => less.keepalive.idle.value = None,
            7 => less.keepalive.interval.value = None,
            2 => less.keepalive.unanswered = None,
            3 => less.idle = Idle {
                peer_keeps_alive: socket.idle.peer_keeps_alive,
                ..Idle::default()
            },
            4 => less.timer = None,
            5 => less.in_flight = None,
            _ => less.idle.sent_ms = None,
        }
        let (known, unknown) = (Verdict::of(&socket, &PathLimit::of(limit_s)), Verdict::of(&less, &PathLimit::of(limit_s)));
        prop_assert!(unknown.is_none() || unknown == known, "{:?} {:?}", known, unknown);
        let (known, unknown) = (
            health(&socket, limit_s, at_risk),
            health(&less, limit_s, at_risk),
        );
        // Where nothing could be said before, nothing can be said now either.
        prop_assert!(unknown.is_none() || unknown == known, "{:?} {:?}", known, unknown);
        let reasons = Reasons::of(&less, &PathLimit::of(limit_s));
        let all = Reasons::of(&socket, &PathLimit::of(limit_s));
        prop_assert!(reasons.iter().all(|reason| all.contains(reason)));
    }
}
