//! Makes foreign text harmless to look at.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::text::escape::is_hostile;

/// The text with its control, invisible and direction-changing characters spelled out as
/// `\u{202e}`. Text that is escaped already stays as it is: a backslash is no hostile character.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hostile(c) {
            // Writing into a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_are_spelled_out_and_others_stay() {
        assert_eq!(visible("größe \\x1b \"日本\""), "größe \\x1b \"日本\"");
        assert_eq!(
            visible("a\nb\x1b[2J\u{202e}"),
            "a\\u{a}b\\u{1b}[2J\\u{202e}"
        );
    }
}
