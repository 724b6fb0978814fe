//! The filter that is typed: the same words as the flags on the command line.

use crate::policy::Selection;

/// Reads words as flags that select.
pub type ReadFlags = fn(&[String]) -> Result<Selection, String>;

/// Splits as a shell does: by blanks, but for those in quotes.
///
/// # Errors
/// A quote is not closed.
pub(crate) fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let split = |text| words(text).unwrap();
        assert_eq!(split(""), Vec::<String>::new());
        assert_eq!(split("  --port  443 "), ["--port", "443"]);
        assert_eq!(split("--comm 'my app' ''"), ["--comm", "my app", ""]);
        assert_eq!(split("a\"b c\"d"), ["ab cd"]);
        assert!(words("'open").is_err());
    }
}
