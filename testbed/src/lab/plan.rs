//! Plan of one run of the lab: limits and times.

use std::{fs::File, path::PathBuf, time::Duration};

use super::Forgotten;
use crate::duration;

pub(super) struct Plan {
    pub(super) limit_s: u64,
    /// Limit that observer is given.
    pub(super) observer_limit_s: u64,
    pub(super) forgotten: Forgotten,
    /// Folder of the built clients, and of what they print.
    pub(super) work: PathBuf,
    pub(super) observer: PathBuf,
    /// Time that a client may take until it has sent its request.
    pub(super) start_up: Duration,
    /// As long as it is held, no other lab uses the folder.
    pub(super) _lock: Option<File>,
}

/// Below, the moments of a scan and of a probe run into each other; above, a client's own limits
/// come into play.
const LIMITS_S: std::ops::RangeInclusive<u64> = 4..=350;

/// Reads `20s` or `2m`: whole seconds within [`LIMITS_S`].
pub(super) fn limit(text: &str) -> Result<u64, String> {
    let limit = duration::parse(text)?;
    if limit.subsec_nanos() == 0 && LIMITS_S.contains(&limit.as_secs()) {
        return Ok(limit.as_secs());
    }
    let (least, most) = (LIMITS_S.start(), LIMITS_S.end());
    Err(format!("whole seconds between {least}s and {most}s"))
}

impl Plan {
    /// Plan that only has times.
    #[cfg(test)]
    pub(super) fn of(limit_s: u64) -> Self {
        Self {
            limit_s,
            observer_limit_s: limit_s,
            forgotten: Forgotten::Drop,
            work: PathBuf::new(),
            observer: PathBuf::new(),
            start_up: Duration::ZERO,
            _lock: None,
        }
    }

    /// Silence of the server before it answers, and of a client between two requests: long enough that
    /// what comes too late is certain to fail.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_secs(2 * self.limit_s + 2)
    }

    /// Time after which a client that waits is killed.
    pub(super) fn timeout(&self) -> Duration {
        self.silence() + Duration::from_secs(self.limit_s.min(20) + 1)
    }

    /// Milliseconds between the bytes of an answer that dribbles, less than the limit, and their
    /// number.
    pub(super) fn dribble(&self) -> (u64, u64) {
        (self.limit_s * 600, 3)
    }

    /// Time between probes that come early enough.
    pub(super) fn probe_s(&self) -> u64 {
        (self.limit_s / 4).max(1)
    }

    /// Time between two scans.
    pub(super) fn interval(&self) -> Duration {
        Duration::from_millis((self.limit_s * 100).clamp(400, 2000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        assert_eq!(limit("5s"), Ok(5));
        assert_eq!(limit("2m"), Ok(120));
        for text in [
            "",
            "s",
            "3s",
            "351s",
            "6m",
            "5h",
            "5500ms",
            "-5s",
            "99999999999999999999m",
        ] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    /// Conditions on which the meaning of the rows rests.
    #[test]
    fn a_plan_cuts_what_is_late_and_only_that() {
        for limit_s in LIMITS_S {
            let plan = Plan::of(limit_s);
            let limit = Duration::from_secs(limit_s);
            assert!(plan.silence() > 2 * limit);
            assert!(plan.timeout() > plan.silence());
            let (gap_ms, bytes) = plan.dribble();
            assert!(Duration::from_millis(gap_ms) < limit);
            assert!(Duration::from_millis(gap_ms * (bytes + 1)) > 2 * limit);
            assert!(Duration::from_secs(2 * plan.probe_s()) <= limit);
            assert!(plan.interval() < limit / 4);
        }
    }
}
