//! Durations as people write them: `90s`, `5m`, `1h30m`, `350`.

use std::fmt;
use std::str::FromStr;

/// A length of time, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Milliseconds.
    pub ms: u64,
}

/// Units from the longest to the shortest, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Nothing there.
    #[error("a duration is needed, such as 90s, 5m, 1h30m or 350 (seconds)")]
    Empty,
    /// A sign, a fraction or some other text.
    #[error(
        "no duration: write whole numbers with units, such as 90s, 5m, 1h30m, 500ms or 350 (seconds)"
    )]
    Syntax,
    /// A unit that does not exist.
    #[error("no unit {0:?}: use d, h, m, s or ms")]
    Unit(String),
    /// A unit after a shorter one, or twice, or a number without a unit after others.
    #[error("units go from long to short and come once, such as 1h30m or 5m10s")]
    Order,
    /// More than 64 bits of milliseconds.
    #[error("the duration is too long")]
    TooLong,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        if text.is_empty() {
            return Err(SpanError::Empty);
        }
        let mut rest = text;
        let mut units_left: &[(&str, u64)] = &UNITS;
        let mut total_ms: u64 = 0;
        while !rest.is_empty() {
            let (digits, after) = split_at_first(rest, |c| !c.is_ascii_digit());
            if digits.is_empty() {
                return Err(SpanError::Syntax);
            }
            let number: u64 = digits.parse().map_err(|_| SpanError::TooLong)?;
            let (unit, after) = split_at_first(after, |c| !c.is_alphabetic());
            let factor_ms = if unit.is_empty() {
                if !after.is_empty() {
                    return Err(SpanError::Syntax);
                }
                if units_left.len() < UNITS.len() {
                    return Err(SpanError::Order);
                }
                1000
            } else {
                let known = UNITS.iter().any(|(name, _)| *name == unit);
                if !known {
                    return Err(SpanError::Unit(unit.to_owned()));
                }
                let at = units_left.iter().position(|(name, _)| *name == unit);
                let at = at.ok_or(SpanError::Order)?;
                let (_, factor_ms) = units_left.get(at).ok_or(SpanError::Order)?;
                units_left = units_left.get(at + 1..).unwrap_or_default();
                *factor_ms
            };
            total_ms = number
                .checked_mul(factor_ms)
                .and_then(|part_ms| total_ms.checked_add(part_ms))
                .ok_or(SpanError::TooLong)?;
            rest = after;
        }
        Ok(Self { ms: total_ms })
    }
}

fn split_at_first(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

/// The shortest exact form, which parses back to the same value.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left_ms = self.ms;
        for (unit, factor_ms) in UNITS {
            let number = left_ms / factor_ms;
            left_ms %= factor_ms;
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        if self.ms == 0 {
            f.write_str("0s")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(text: &str) -> Result<u64, SpanError> {
        text.parse::<Span>().map(|span| span.ms)
    }

    #[test]
    fn the_forms_that_people_write() {
        assert_eq!(ms("90s"), Ok(90_000));
        assert_eq!(ms("5m"), Ok(300_000));
        assert_eq!(ms("1h30m"), Ok(5_400_000));
        assert_eq!(ms("350"), Ok(350_000));
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("1d1ms"), Ok(86_400_001));
        assert_eq!(ms("0"), Ok(0));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(ms(""), Err(SpanError::Empty));
        for text in ["-5s", "1.5h", "s", "5 m", "5m-", "soon", "1h 30m"] {
            assert_eq!(ms(text), Err(SpanError::Syntax), "{text}");
        }
        assert_eq!(ms("5min"), Err(SpanError::Unit("min".to_owned())));
        assert_eq!(ms("5µs"), Err(SpanError::Unit("µs".to_owned())));
        for text in ["30m1h", "1m1m", "1h30"] {
            assert_eq!(ms(text), Err(SpanError::Order), "{text}");
        }
        assert_eq!(ms("18446744073709551615"), Err(SpanError::TooLong));
        assert_eq!(ms("99999999999999999999ms"), Err(SpanError::TooLong));
    }

    proptest! {
        #[test]
        fn display_parses_back(ms in any::<u64>()) {
            let span = Span { ms };
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }

        #[test]
        fn a_duration_is_the_sum_of_its_parts(
            numbers in proptest::array::uniform5(proptest::option::of(0_u64..100_000)),
        ) {
            let parts = UNITS.iter().zip(numbers).filter_map(|(unit, number)| Some((unit, number?)));
            let text: String = parts.clone().map(|((unit, _), number)| format!("{number}{unit}")).collect();
            let sum: u64 = parts.map(|((_, ms), number)| number * ms).sum();
            prop_assume!(!text.is_empty());
            prop_assert_eq!(text.parse(), Ok(Span { ms: sum }), "{}", text);
        }

        #[test]
        fn seconds_need_no_unit(seconds in 0..=u64::MAX / 1000) {
            prop_assert_eq!(seconds.to_string().parse(), Ok(Span { ms: seconds * 1000 }));
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "\\PC*") {
            drop(text.parse::<Span>());
        }
    }
}
