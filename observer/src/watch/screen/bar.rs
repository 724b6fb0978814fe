//! The bar that fills from the last packet to the path limit, and the time that is left.

use super::style::ScreenStyle;
use crate::policy::{Health, JudgedRef};

/// Characters of the bar.
pub(super) const WIDTH: usize = 10;

/// Share of the path limit that was silent: the filled part of the bar. `None` where there is no limit
/// or the silence is unknown.
fn share(judged: &JudgedRef<'_>, age_ms: u64) -> Option<(u64, u64)> {
    let path = &judged.judgement.path;
    let limit_ms = path.limit_ms()?;
    let quiet_ms = path.silence_ms(judged.socket)?;
    Some((quiet_ms.saturating_add(age_ms), limit_ms))
}

/// The bar, always [`WIDTH`] characters, `age_ms` after the scan.
pub(super) fn bar(judged: &JudgedRef<'_>, age_ms: u64, style: ScreenStyle) -> String {
    let Some((quiet_ms, limit_ms)) = share(judged, age_ms) else {
        return " ".repeat(WIDTH);
    };
    let quiet_ms = quiet_ms.min(limit_ms);
    if style.unicode {
        /// Eighths of a character.
        const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
        let eighths = eighths(quiet_ms, limit_ms, WIDTH * PARTS.len());
        let mut bar = "█".repeat(eighths / PARTS.len());
        if eighths < WIDTH * PARTS.len() {
            bar.push(PARTS.get(eighths % PARTS.len()).copied().unwrap_or(' '));
        }
        let missing = WIDTH.saturating_sub(bar.chars().count());
        bar + &"░".repeat(missing)
    } else {
        let full = eighths(quiet_ms, limit_ms, WIDTH);
        "#".repeat(full) + &".".repeat(WIDTH - full)
    }
}

fn eighths(quiet_ms: u64, limit_ms: u64, steps: usize) -> usize {
    let steps_128 = u128::try_from(steps).unwrap_or(0);
    let filled = u128::from(quiet_ms) * steps_128 / u128::from(limit_ms.max(1));
    usize::try_from(filled).unwrap_or(steps).min(steps)
}

/// The time until the path forgets, `+` and the time since it did, `-` without a limit, `?`.
pub(super) fn left(judged: &JudgedRef<'_>, age_ms: u64) -> String {
    // While data is sent again, that is what counts, and not what the path remembers.
    let is_sent_again = judged.judgement.health == Some(Health::Retransmitting);
    if judged.judgement.path.limit_s.is_none() || is_sent_again {
        return "-".to_owned();
    }
    let Some((quiet_ms, limit_ms)) = share(judged, age_ms) else {
        return "?".to_owned();
    };
    match limit_ms.checked_sub(quiet_ms) {
        Some(left_ms) if left_ms > 0 => seconds(left_ms.div_ceil(1000)),
        _ => format!("+{}", seconds((quiet_ms - limit_ms) / 1000)),
    }
}

/// Seconds up to 999, so that they can be watched; then larger units.
fn seconds(s: u64) -> String {
    if s < 1000 {
        return format!("{s}s");
    }
    let mut out = Vec::new();
    crate::text::push::duration(&mut out, s.saturating_mul(1000));
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::socket;
    use crate::policy::Judged;
    use crate::policy::path::{Limit, PathPolicy};
    use crate::policy::{Policy, profile};

    const ASCII: ScreenStyle = ScreenStyle {
        color: false,
        unicode: false,
    };
    const UNICODE: ScreenStyle = ScreenStyle {
        color: false,
        unicode: true,
    };

    fn shown(quiet_ms: Option<u64>, style: ScreenStyle) -> (String, String) {
        let mut socket = socket();
        socket.idle.sent_ms = quiet_ms;
        socket.idle.received_ms = quiet_ms;
        socket.idle.ack_ms = None;
        let policy = Policy::default();
        let judged = Judged::by(&policy, &socket);
        (bar(&judged, 0, style), left(&judged, 0))
    }

    fn pair(bar: &str, left: &str) -> (String, String) {
        (bar.to_owned(), left.to_owned())
    }

    #[test]
    fn it_fills_up_to_the_limit() {
        assert_eq!(shown(Some(0), ASCII), pair("..........", "350s"));
        assert_eq!(shown(Some(175_000), ASCII), pair("#####.....", "175s"));
        assert_eq!(shown(Some(349_999), ASCII), pair("#########.", "1s"));
        assert_eq!(shown(Some(350_000), ASCII), pair("##########", "+0s"));
        assert_eq!(shown(Some(u64::MAX), ASCII).0, "##########");
        assert_eq!(shown(Some(390_500), ASCII), pair("##########", "+40s"));
        assert_eq!(shown(Some(4_350_000), ASCII), pair("##########", "+1h6m"));
        assert_eq!(shown(Some(0), UNICODE).0, " ░░░░░░░░░");
        assert_eq!(shown(Some(192_500), UNICODE).0, "█████▌░░░░");
        assert_eq!(shown(Some(350_000), UNICODE).0, "██████████");
    }

    #[test]
    fn what_is_not_known_or_not_there() {
        assert_eq!(shown(None, ASCII), pair("          ", "?"));
        let socket = socket();
        let policy = Policy {
            path: PathPolicy::overridden(Limit::None),
            ..Policy::default()
        };
        let judged = Judged::by(&policy, &socket);
        assert_eq!(
            (bar(&judged, 0, ASCII), left(&judged, 0)),
            pair("          ", "-")
        );
        assert_eq!(profile::DEFAULT.limit_s, 350);
    }
}
