//! The forecast against a simulation of the kernel's timer, a path and a peer that answers.

use proptest::prelude::*;

use super::*;
use crate::model::{Setting, testing};
use crate::policy::path::PathLimit;
use crate::policy::{PathPolicy, Policy, Verdict};

/// Fate of a silent connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Lives,
    ForgottenAfterMs(u64),
    EndedByTimer,
}

/// Sets of values: with all of them in play every order of the moments comes about.
#[derive(Debug, Clone, Copy)]
struct Play {
    idle_s: u32,
    interval_s: u32,
    probes: u32,
    user_timeout_ms: u32,
    timer_ms: u64,
    quiet_ms: u64,
    limit_s: u64,
}

impl Play {
    /// `tcp_keepalive_timer`, firing by firing, until gaps repeat.
    fn simulated(self) -> End {
        let idle_ms = u64::from(self.idle_s) * 1000;
        let limit_ms = self.limit_s * 1000;
        // Times from now on; the last packet was `quiet_ms` ago.
        let mut last_ms = -i128::from(self.quiet_ms);
        let mut fires_ms = i128::from(self.timer_ms);
        for _ in 0..12 {
            let elapsed_ms = u64::try_from(fires_ms - last_ms).unwrap();
            // The kernel's order: what ends it, then what sends.
            if elapsed_ms < idle_ms {
                fires_ms += i128::from(idle_ms - elapsed_ms);
                continue;
            }
            if elapsed_ms >= limit_ms {
                let after_ms = last_ms + i128::from(limit_ms);
                return End::ForgottenAfterMs(u64::try_from(after_ms).unwrap_or(0));
            }
            if self.probes == 0 && self.user_timeout_ms == 0 {
                return End::EndedByTimer;
            }
            // The probe leaves, and is answered at once.
            last_ms = fires_ms;
            fires_ms += i128::from(self.interval_s) * 1000;
        }
        End::Lives
    }

    fn socket(self) -> Socket {
        let own = |value| Setting::from_kernel(0, Some(value));
        let mut socket = testing::socket();
        socket.keepalive.enabled = Some(true);
        socket.keepalive.idle = own(self.idle_s);
        socket.keepalive.interval = own(self.interval_s);
        socket.keepalive.probes = own(self.probes);
        socket.keepalive.user_timeout_ms = Some(self.user_timeout_ms);
        socket.keepalive.timer_ms = Some(self.timer_ms);
        let quiet = Some(self.quiet_ms);
        (socket.idle.sent_ms, socket.idle.received_ms) = (quiet, quiet);
        socket.idle.ack_ms = quiet;
        socket
    }
}

fn plays() -> impl Strategy<Value = Play> {
    let seconds = || prop_oneof![1_u32..20, 1_u32..4000];
    let probes = prop_oneof![4 => 1_u32..10, 1 => Just(0)];
    let timeout = prop_oneof![3 => Just(0_u32), 1 => 1_u32..100_000];
    let ms = || prop_oneof![0_u64..20_000, 0_u64..8_000_000];
    let limit = prop_oneof![1_u64..20, 1_u64..5000];
    (seconds(), seconds(), probes, timeout, ms(), ms(), limit).prop_map(
        |(idle_s, interval_s, probes, user_timeout_ms, timer_ms, quiet_ms, limit_s)| Play {
            idle_s,
            interval_s,
            probes,
            user_timeout_ms,
            timer_ms,
            quiet_ms,
            limit_s,
        },
    )
}

proptest! {
    // A million once: PROPTEST_CASES=1000000.
    #[test]
    fn the_verdict_is_what_the_simulation_does(play in plays()) {
        let socket = play.socket();
        let policy = Policy {
            path: PathPolicy::overridden(format!("{}s", play.limit_s).parse().unwrap()),
            ..Policy::default()
        };
        let judgement = policy.judge(&socket);
        let end = play.simulated();
        let expected = match end {
            End::Lives => Verdict::Protected,
            End::ForgottenAfterMs(_) | End::EndedByTimer => Verdict::Late,
        };
        prop_assert_eq!(judgement.verdict, Some(expected), "{:?}", end);
        // The moment that the first gap ends, where it is the one that is too long.
        let gap_is_late = next_is_in_time(&socket, &judgement.path) == Some(false);
        if let End::ForgottenAfterMs(after_ms) = end
            && gap_is_late
        {
            let path: &PathLimit = &judgement.path;
            let left_ms = path.limit_ms().unwrap().saturating_sub(play.quiet_ms);
            prop_assert_eq!(after_ms, left_ms);
        }
    }
}
