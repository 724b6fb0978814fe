//! Breaks text into lines.

/// Breaks at spaces so that no line has more than `width` characters, unless one word has.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut room = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let len = word.chars().count();
        match lines.last_mut() {
            Some(line) if len < room => {
                line.push(' ');
                line.push_str(word);
                room -= len + 1;
            }
            _ => {
                lines.push(word.to_owned());
                room = width.saturating_sub(len);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 3), ["one", "two", "three"]);
        assert_eq!(wrap("", 10), [""; 0]);
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_no_line_too_long(text in "[a-zé ]{0,60}", width in 1_usize..30) {
            let lines = wrap(&text, width);
            for line in &lines {
                prop_assert!(line.chars().count() <= width || !line.contains(' '));
            }
            let words: Vec<&str> = text.split_whitespace().collect();
            let after = lines.join(" ");
            prop_assert_eq!(after.split_whitespace().collect::<Vec<_>>(), words);
        }
    }
}
