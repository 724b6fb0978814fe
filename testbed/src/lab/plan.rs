//! What one run of the lab does, and when.

use std::{fs::File, path::PathBuf, time::Duration};

use super::Forgotten;
use crate::duration;

pub(super) struct Plan {
    pub(super) limit_s: u64,
    /// The limit that observer is told.
    pub(super) told_s: u64,
    pub(super) forgotten: Forgotten,
    /// Where clients are built, and what they print is kept.
    pub(super) work: PathBuf,
    pub(super) observer: PathBuf,
    /// What a client may take until it has sent its request.
    pub(super) start_up: Duration,
    /// As long as it is held, no other lab uses the folder.
    pub(super) _lock: Option<File>,
}

/// Below, the moments of a look and of a probe run into each other; above, a client's own limits
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
    /// One that only says how long things take.
    #[cfg(test)]
    pub(super) fn of(limit_s: u64) -> Self {
        Self {
            limit_s,
            told_s: limit_s,
            forgotten: Forgotten::Drop,
            work: PathBuf::new(),
            observer: PathBuf::new(),
            start_up: Duration::ZERO,
            _lock: None,
        }
    }

    /// How long the server is silent before it answers, and a client between two requests: long
    /// enough that what comes too late has no luck.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_secs(2 * self.limit_s + 2)
    }

    /// How long a client is left waiting.
    pub(super) fn patience(&self) -> Duration {
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

    /// Time between two looks.
    pub(super) fn look(&self) -> Duration {
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

    /// What the rows mean hangs on these.
    #[test]
    fn a_plan_cuts_what_is_late_and_only_that() {
        for limit_s in LIMITS_S {
            let plan = Plan::of(limit_s);
            let limit = Duration::from_secs(limit_s);
            assert!(plan.silence() > 2 * limit);
            assert!(plan.patience() > plan.silence());
            let (gap_ms, bytes) = plan.dribble();
            assert!(Duration::from_millis(gap_ms) < limit);
            assert!(Duration::from_millis(gap_ms * (bytes + 1)) > 2 * limit);
            assert!(Duration::from_secs(2 * plan.probe_s()) <= limit);
            assert!(plan.look() < limit / 4);
        }
    }
}
