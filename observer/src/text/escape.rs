//! Prints text from other processes so that a terminal, a log or a reader cannot be fooled by it.

use std::io::Write as _;

/// Characters that must not be shown as they are: it moves the cursor, ends the line, is
/// invisible, or changes the direction of what follows.
#[must_use]
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b'"'
}

/// Appends text for people: hostile characters become `\n`, `\x1b` or `\u{202e}`, bytes that are
/// no UTF-8 `\xff`, and a backslash two, so that every form can be told from every other.
pub fn push_text(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.iter().all(|b| is_plain(*b)) {
        out.extend_from_slice(bytes);
        return;
    }
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                c if c.is_ascii_control() => {
                    push_format(out, format_args!("\\x{:02x}", u32::from(c)))
                }
                c if is_hostile(c) => push_format(out, format_args!("\\u{{{:x}}}", u32::from(c))),
                c => push_char(out, c),
            }
        }
        for byte in chunk.invalid() {
            push_format(out, format_args!("\\x{byte:02x}"));
        }
    }
}

/// The escaped form of [`push_text`] as a string, for messages.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    push_text(&mut out, bytes);
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends a JSON string with its quotes. Hostile characters are escaped, so that the document can
/// be looked at, and decode to themselves; bytes that are no UTF-8 become U+FFFD.
pub fn push_json(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    if bytes.iter().all(|b| is_plain(*b)) {
        out.extend_from_slice(bytes);
    } else {
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' => out.extend_from_slice(b"\\\""),
                    '\\' => out.extend_from_slice(b"\\\\"),
                    c if is_hostile(c) => {
                        for unit in c.encode_utf16(&mut [0; 2]) {
                            push_format(out, format_args!("\\u{unit:04x}"));
                        }
                    }
                    c => push_char(out, c),
                }
            }
            if !chunk.invalid().is_empty() {
                push_char(out, char::REPLACEMENT_CHARACTER);
            }
        }
    }
    out.push(b'"');
}

fn push_char(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn push_format(out: &mut Vec<u8>, args: std::fmt::Arguments<'_>) {
    // Writing into a Vec cannot fail.
    drop(out.write_fmt(args));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        push_json(&mut out, bytes);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["python3", "Web Content", "(sd-pam)", "größe", "日本"] {
            assert_eq!(text(name.as_bytes()), name);
            assert_eq!(json(name.as_bytes()), format!("\"{name}\""));
        }
    }

    #[test]
    fn hostile_names_are_spelled_out() {
        assert_eq!(text(b"a\x1b[31mb\nc\\"), r"a\x1b[31mb\nc\\");
        assert_eq!(
            text("a\u{202e}b\u{200b}\u{9b}".as_bytes()),
            r"a\u{202e}b\u{200b}\u{9b}"
        );
        assert_eq!(text(b"a\xff\xfe"), r"a\xff\xfe");
        assert_eq!(json(b"a\x1b\"\n\\"), r#""a\u001b\"\u000a\\""#);
        assert_eq!(
            json("\u{202e}\u{e0041}".as_bytes()),
            r#""\u202e\udb40\udc41""#
        );
        assert_eq!(json(b"a\xff"), "\"a\u{fffd}\"");
    }

    proptest! {
        #[test]
        fn nothing_hostile_comes_out(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(!text(&bytes).contains(is_hostile));
            prop_assert!(!json(&bytes).contains(is_hostile));
        }

        #[test]
        fn json_decodes_to_the_text(text in any::<String>()) {
            let decoded: String = serde_json::from_str(&json(text.as_bytes())).unwrap();
            prop_assert_eq!(decoded, text);
        }

        #[test]
        fn different_bytes_look_different(
            a in proptest::collection::vec(any::<u8>(), 0..6),
            b in proptest::collection::vec(any::<u8>(), 0..6),
        ) {
            prop_assert_eq!(a == b, text(&a) == text(&b));
        }
    }
}
