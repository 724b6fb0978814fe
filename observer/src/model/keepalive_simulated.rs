//! The kernel's keepalive timer, played through firing by firing, beside what the
//! formulas say at once. `tcp_keepalive_timer` in `net/ipv4/tcp_timer.c`.

use proptest::prelude::*;

use super::{Keepalive, Setting, TimerState};

/// Values that the kernel goes by, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Kernel {
    idle_ms: u64,
    interval_ms: u64,
    probes: u32,
    user_timeout_ms: u64,
}

/// Effect of a firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fired {
    /// The silence was interrupted: it fires again after the rest.
    Again(u64),
    /// A probe left; it fires again after the interval.
    Probe(u64),
    GivesUp,
}

impl Kernel {
    /// One firing, `elapsed_ms` after the peer was last heard, with so many probes unanswered.
    fn fire(&self, elapsed_ms: u64, unanswered: u32) -> Fired {
        if elapsed_ms < self.idle_ms {
            return Fired::Again(self.idle_ms - elapsed_ms);
        }
        let by_timeout =
            self.user_timeout_ms > 0 && elapsed_ms >= self.user_timeout_ms && unanswered > 0;
        let by_count = self.user_timeout_ms == 0 && unanswered >= self.probes;
        if by_timeout || by_count {
            Fired::GivesUp
        } else {
            Fired::Probe(self.interval_ms)
        }
    }

    /// From the last packet of a peer that is dead from then on, with the timer to fire after
    /// `first_ms`: when each probe leaves, and when the connection is given up.
    fn play(&self, first_ms: u64, unanswered: u32, heard_ms: u64) -> (Vec<u64>, u64) {
        let (mut probes, mut unanswered, mut after_ms) = (Vec::new(), unanswered, first_ms);
        loop {
            match self.fire(heard_ms + after_ms, unanswered) {
                Fired::Again(left_ms) => after_ms += left_ms,
                Fired::Probe(next_ms) => {
                    probes.push(after_ms);
                    unanswered += 1;
                    after_ms += next_ms;
                }
                Fired::GivesUp => return (probes, after_ms),
            }
        }
    }
}

fn settings() -> impl Strategy<Value = (u32, u32, u32, u32)> {
    let user_timeout_ms = prop_oneof![Just(0_u32), 1_u32..200_000, 1_u32..2_000_000];
    let seconds = || prop_oneof![1_u32..300, 1_u32..32_768];
    (seconds(), seconds(), 1_u32..128, user_timeout_ms)
}

proptest! {
    #[test]
    fn a_dead_peer_is_noticed_when_the_formula_says(
        (idle_s, interval_s, probes, user_timeout_ms) in settings(),
        left_of_the_timer in 0..=1000_u64,
    ) {
        let own = |value| Setting::from_kernel(value, None);
        let keepalive = Keepalive {
            enabled: Some(true),
            idle: own(idle_s),
            interval: own(interval_s),
            probes: own(probes),
            user_timeout_ms: Some(user_timeout_ms),
            ..Keepalive::default()
        };
        let kernel = Kernel {
            idle_ms: u64::from(idle_s) * 1000,
            interval_ms: u64::from(interval_s) * 1000,
            probes,
            user_timeout_ms: user_timeout_ms.into(),
        };
        // The timer was set before the last packet came, for the idle time or, after a probe, for
        // the interval.
        let latest_ms = kernel.idle_ms.max(kernel.interval_ms);
        let given_up_ms = |first_ms| kernel.play(first_ms, 0, 0).1;
        let detect_ms = keepalive.detect_s().unwrap() * 1000;
        let at_some_time_ms = given_up_ms(latest_ms * left_of_the_timer / 1000);
        prop_assert!(at_some_time_ms <= detect_ms, "{at_some_time_ms} {detect_ms}");
        // And it does take so long: after the latest first probe, or after one that leaves a
        // millisecond too early for the timeout.
        let too_early_ms = (1..=kernel.user_timeout_ms / kernel.interval_ms)
            .map(|probe| kernel.user_timeout_ms - probe * kernel.interval_ms)
            .filter(|first_ms| (kernel.idle_ms + 1..=latest_ms).contains(first_ms))
            .map(|first_ms| first_ms - 1);
        let longest_ms = too_early_ms.chain([latest_ms]).map(given_up_ms).max().unwrap();
        prop_assert_eq!(detect_ms, longest_ms.div_ceil(1000) * 1000);
        let (sent, _) = kernel.play(0, 0, 0);
        prop_assert_eq!(sent.first(), Some(&kernel.idle_ms));
    }

    #[test]
    fn the_next_probe_leaves_when_the_formula_says(
        (idle_s, interval_s, probes, user_timeout_ms) in settings(),
        expires_ms in 0_u64..40_000_000,
        heard_ms in 0_u64..40_000_000,
        unanswered in 0_u32..130,
    ) {
        let state = TimerState {
            expires_ms,
            heard_ms,
            idle_ms: u64::from(idle_s) * 1000,
            probes,
            user_timeout_ms: user_timeout_ms.into(),
            unanswered,
        };
        let kernel = Kernel {
            idle_ms: state.idle_ms,
            interval_ms: u64::from(interval_s) * 1000,
            probes,
            user_timeout_ms: state.user_timeout_ms,
        };
        let (sent, _) = kernel.play(expires_ms, unanswered, heard_ms);
        prop_assert_eq!(state.next_probe_ms(), sent.first().copied());
    }
}
