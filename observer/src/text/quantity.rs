//! Times and counts as text for people.

use crate::policy::span::Span;

/// So long seconds are what people compare with limits; beyond, units are.
const SECONDS_UNTIL_MS: u64 = 600_000;

/// `350 ms`, `6.3 s`, `212 s`, `1h56m`: rounded down.
pub(crate) fn time(ms: u64) -> String {
    match (ms, ms % 1000 / 100) {
        (..1000, _) => format!("{ms} ms"),
        (..10_000, tenths @ 1..) => format!("{}.{tenths} s", ms / 1000),
        (..SECONDS_UNTIL_MS, _) => format!("{} s", ms / 1000),
        _ => {
            // Two units suffice.
            let unit_ms = match ms {
                86_400_000.. => 3_600_000,
                3_600_000.. => 60_000,
                _ => 1000,
            };
            Span {
                ms: ms / unit_ms * unit_ms,
            }
            .to_string()
        }
    }
}

/// `1 probe`, `2 probes`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_down() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1000, "1 s"),
            (6324, "6.3 s"),
            (212_999, "212 s"),
            (924_600, "15m24s"),
            (6_987_560, "1h56m"),
            (432_000_000, "5d"),
        ] {
            assert_eq!(time(ms), text);
        }
        assert_eq!(counted(1, "probe"), "1 probe");
        assert_eq!(counted(0, "probe"), "0 probes");
    }
}
