//! When to look at the host again. Pure: the time is passed in.

use std::time::Duration;

/// A look that took longer than this is spared where it would show nothing new.
const COSTLY: Duration = Duration::from_millis(10);
/// What is shown is never older than so many intervals, nor than this.
const MOST_SPARED: u32 = 6;
const OLDEST: Duration = Duration::from_secs(60);

/// What the last look found.
#[derive(Debug, Clone, Copy)]
pub struct Last {
    /// How long it took.
    pub took: Duration,
    /// Time until some socket may come into danger; `None` where none can.
    pub soonest: Option<Duration>,
    /// Whether silence already endangers a socket, or something else must be followed from look to
    /// look.
    pub is_restless: bool,
}

/// Decides at each interval's end whether to look.
#[derive(Debug)]
pub struct Schedule {
    interval: Duration,
    /// Times on a clock that only goes forward.
    due: Duration,
    looked: Option<(Duration, Last)>,
}

impl Schedule {
    /// The first look is due at once.
    #[must_use]
    pub const fn new(interval: Duration, now: Duration) -> Self {
        Self {
            interval,
            due: now,
            looked: None,
        }
    }

    /// Changes the interval from the next one on; a look is due at once.
    pub fn change(&mut self, interval: Duration, now: Duration) {
        *self = Self::new(interval, now);
    }

    /// When the next interval ends.
    #[must_use]
    pub const fn due(&self) -> Duration {
        self.due
    }

    /// An interval has ended: whether to look. `may_spare` says that nothing can come into danger
    /// unseen: hooks tell of options that are set and of probes, and told of none.
    pub fn tick(&mut self, now: Duration, may_spare: bool) -> bool {
        // Intervals that were slept through are not made up for.
        let next = self.due + self.interval;
        self.due = if next > now {
            next
        } else {
            now + self.interval
        };
        let Some((at, last)) = self.looked else {
            return true;
        };
        if !may_spare || last.is_restless || last.took < COSTLY {
            return true;
        }
        let oldest = (self.interval * MOST_SPARED).min(OLDEST);
        let age_then = (now + self.interval).saturating_sub(at);
        let reaches_danger = last.soonest.is_some_and(|soonest| age_then > soonest);
        reaches_danger || age_then > oldest
    }

    /// A look that began then has ended.
    pub fn looked(&mut self, began: Duration, last: Last) {
        self.looked = Some((began, last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn costly(soonest: Option<Duration>) -> Last {
        Last {
            took: Duration::from_millis(80),
            soonest,
            is_restless: false,
        }
    }

    /// At which seconds it looks.
    fn looks(last: Last, may_spare: bool) -> Vec<u64> {
        let mut schedule = Schedule::new(INTERVAL, s(0));
        let mut looks = Vec::new();
        for second in (0..200).step_by(10) {
            assert!(schedule.due() <= s(second), "{:?}", schedule.due());
            if schedule.tick(s(second), may_spare) {
                looks.push(second);
                schedule.looked(s(second), last);
            }
        }
        looks
    }

    #[test]
    fn what_costs_little_is_looked_at_each_interval() {
        let cheap = Last {
            took: Duration::from_millis(2),
            ..costly(None)
        };
        assert_eq!(looks(cheap, true).len(), 20);
    }

    #[test]
    fn what_shows_nothing_new_is_spared_for_a_minute_at_most() {
        assert_eq!(looks(costly(None), true), [0, 60, 120, 180]);
        assert_eq!(looks(costly(None), false).len(), 20);
    }

    #[test]
    fn a_look_comes_before_danger_does() {
        // Half of half of a limit of 100 s: danger may begin 25 s after the look.
        let looks = looks(costly(Some(s(25))), true);
        assert_eq!(looks[..4], [0, 20, 40, 60]);
        let restless = Last {
            is_restless: true,
            ..costly(None)
        };
        assert_eq!(self::looks(restless, true).len(), 20);
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
