//! Durations on the command line.

use std::time::Duration;

use jiff::SignedDuration;

/// Reads `30s`, `10m`, `1h 30m`; not 0.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let found: Option<SignedDuration> = text.parse().ok();
    found
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "a number with its unit, such as 30s or 10m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_are_not_zero() {
        let is = |text, seconds| assert_eq!(parse(text), Ok(Duration::from_secs(seconds)));
        is("90s", 90);
        is("10m", 600);
        is("12h", 43_200);
        is("1h 30m", 5400);
        for wrong in ["", "s", "10", "-1s", "0s", "1é", "999999999999999999h"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
