//! Schedule of sweeps. Pure: the time is passed in.

use std::time::Duration;

/// Cost from which a sweep is spared where it would show nothing new.
const COSTLY: Duration = Duration::from_millis(10);
/// Age that a snapshot never exceeds: so many intervals, and this time.
const MOST_SPARED: u32 = 6;
const OLDEST: Duration = Duration::from_secs(60);

/// Result of the last sweep.
#[derive(Debug, Clone, Copy)]
pub struct LastSweep {
    /// Time that it took.
    pub took: Duration,
    /// Time until some socket may come into danger; `None` where none can.
    pub until_flagged: Option<Duration>,
    /// Silence endangers a socket already, or something else must be followed from sweep to sweep.
    pub needs_followup: bool,
}

/// Decision at each interval's end: to sweep, or to spare it.
#[derive(Debug)]
pub struct Schedule {
    interval: Duration,
    /// Times on a clock that only goes forward.
    due: Duration,
    last: Option<(Duration, LastSweep)>,
}

impl Schedule {
    /// The first sweep is due at once.
    #[must_use]
    pub const fn new(interval: Duration, now: Duration) -> Self {
        Self {
            interval,
            due: now,
            last: None,
        }
    }

    /// Changes the interval from the next one on; a sweep is due at once.
    pub fn change(&mut self, interval: Duration, now: Duration) {
        *self = Self::new(interval, now);
    }

    /// End of the next interval.
    #[must_use]
    pub const fn due(&self) -> Duration {
        self.due
    }

    /// Decision at the end of an interval: true to sweep. `may_spare` means that nothing can come into danger
    /// unseen: hooks report options that are set and probes, and reported none.
    pub fn tick(&mut self, now: Duration, may_spare: bool) -> bool {
        // Intervals that were slept through are not made up for.
        let next = self.due + self.interval;
        self.due = if next > now {
            next
        } else {
            now + self.interval
        };
        let Some((at, last)) = self.last else {
            return true;
        };
        if !may_spare || last.needs_followup || last.took < COSTLY {
            return true;
        }
        let oldest = (self.interval * MOST_SPARED).min(OLDEST);
        let age_then = (now + self.interval).saturating_sub(at);
        let reaches_danger = last
            .until_flagged
            .is_some_and(|until_flagged| age_then > until_flagged);
        reaches_danger || age_then > oldest
    }

    /// Takes in a sweep that began then and has ended.
    pub fn swept(&mut self, began: Duration, last: LastSweep) {
        self.last = Some((began, last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn costly(until_flagged: Option<Duration>) -> LastSweep {
        LastSweep {
            took: Duration::from_millis(80),
            until_flagged,
            needs_followup: false,
        }
    }

    /// Seconds at which it sweeps.
    fn sweeps(last: LastSweep, may_spare: bool) -> Vec<u64> {
        let mut schedule = Schedule::new(INTERVAL, s(0));
        let mut sweeps = Vec::new();
        for second in (0..200).step_by(10) {
            assert!(schedule.due() <= s(second), "{:?}", schedule.due());
            if schedule.tick(s(second), may_spare) {
                sweeps.push(second);
                schedule.swept(s(second), last);
            }
        }
        sweeps
    }

    #[test]
    fn what_costs_little_is_swept_at_each_interval() {
        let cheap = LastSweep {
            took: Duration::from_millis(2),
            ..costly(None)
        };
        assert_eq!(sweeps(cheap, true).len(), 20);
    }

    #[test]
    fn what_shows_nothing_new_is_spared_for_a_minute_at_most() {
        assert_eq!(sweeps(costly(None), true), [0, 60, 120, 180]);
        assert_eq!(sweeps(costly(None), false).len(), 20);
    }

    #[test]
    fn a_sweep_comes_before_danger_does() {
        // Half of half of a limit of 100 s: danger may begin 25 s after the sweep.
        let sweeps = sweeps(costly(Some(s(25))), true);
        assert_eq!(sweeps[..4], [0, 20, 40, 60]);
        let unsettled = LastSweep {
            needs_followup: true,
            ..costly(None)
        };
        assert_eq!(self::sweeps(unsettled, true).len(), 20);
    }

    #[test]
    fn a_late_tick_is_not_made_up_for() {
        let mut schedule = Schedule::new(INTERVAL, s(0));
        assert!(schedule.tick(s(0), false));
        assert_eq!(schedule.due(), s(10));
        assert!(schedule.tick(s(47), false));
        assert_eq!(schedule.due(), s(57));
    }
}
