//! From the clock of events to that of people.

use crate::host::clock::monotonic_ns;
use crate::text::push;

/// The wall clock and the clock of events, read together. Taken anew for every batch of events:
/// the wall clock may be set meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// `CLOCK_REALTIME`, nanoseconds since 1970.
    pub realtime_ns: i128,
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub monotonic_ns: u64,
}

const NS_PER_MS: i128 = 1_000_000;

impl Clock {
    /// Reads both clocks. What lies between the two readings is the error of the one against the
    /// other: the closest of a few pairs counts.
    #[must_use]
    pub fn now() -> Self {
        let pair = |_| {
            let before = monotonic_ns();
            let realtime_ns = jiff::Timestamp::now().as_nanosecond();
            let apart_ns = monotonic_ns().saturating_sub(before);
            let clock = Self {
                realtime_ns,
                monotonic_ns: before + apart_ns / 2,
            };
            (apart_ns, clock)
        };
        let closest = (0..4).map(pair).min_by_key(|(apart_ns, _)| *apart_ns);
        closest.map_or_else(|| pair(0).1, |(_, clock)| clock)
    }

    /// Appends the wall clock when it was read: `HH:MM:SS.mmm`, UTC.
    pub(crate) fn push_time(self, out: &mut Vec<u8>) {
        push::time_of_day(out, self.now_ms());
    }

    /// The wall clock when it was read, in milliseconds since 1970.
    pub(crate) fn now_ms(self) -> i64 {
        self.wall_ms(self.monotonic_ns)
    }

    /// The wall clock at a time of `CLOCK_MONOTONIC`, in milliseconds since 1970, rounded down.
    pub(crate) fn wall_ms(self, at_ns: u64) -> i64 {
        let since_ns = i128::from(at_ns) - i128::from(self.monotonic_ns);
        let ms = (self.realtime_ns + since_ns).div_euclid(NS_PER_MS);
        i64::try_from(ms).unwrap_or(if ms < 0 { i64::MIN } else { i64::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_lie_before_the_reading_or_after_it() {
        let clock = Clock {
            realtime_ns: 5_000_000_000,
            monotonic_ns: 1_000_000_000,
        };
        assert_eq!(clock.now_ms(), 5000);
        assert_eq!(clock.wall_ms(998_999_999), 4998);
        assert_eq!(clock.wall_ms(1_001_999_999), 5001);
        assert_eq!(clock.wall_ms(0), 4000);
    }
}
