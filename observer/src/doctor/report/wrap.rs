//! Text in lines that fit a terminal.

use crate::text::escape;
use crate::text::wrap::wrap;

/// Columns of a terminal that nobody has widened.
const WIDTH: usize = 80;

/// Appends escaped text, broken at spaces, each further line indented as far. The first line goes
/// on at column `indent`. A word that is too long for a line has one of its own.
pub(super) fn push_wrapped(out: &mut Vec<u8>, indent: usize, text: &str) {
    let text = escape::text(text.as_bytes());
    let lines = wrap(&text, WIDTH.saturating_sub(indent));
    out.extend_from_slice(lines.join(&format!("\n{:indent$}", "")).as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(indent: usize, text: &str) -> String {
        let mut out = Vec::new();
        push_wrapped(&mut out, indent, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_fit_and_hostile_text_is_escaped() {
        let text = wrapped(10, &"word ".repeat(40));
        assert!(text.lines().count() > 1);
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        let first = text.lines().next().unwrap_or_default();
        assert_eq!(
            first.len(),
            69,
            "what is before it takes 10 columns more: {first}"
        );
        assert!(
            text.lines()
                .skip(1)
                .all(|line| line.starts_with("          "))
        );
        assert_eq!(wrapped(0, "a\x1b[31m\nb"), "a\\x1b[31m\\nb\n");
        assert_eq!(wrapped(4, ""), "\n");
        let long = "x".repeat(200);
        assert_eq!(wrapped(4, &long), format!("{long}\n"));
    }
}
