//! Debian's changelog, from CHANGELOG.md.

/// The newest section of `markdown` in Debian's form. `date` is as in RFC 2822.
pub(super) fn debian(markdown: &str, version: &str, date: &str) -> String {
    let newest = markdown
        .lines()
        .skip_while(|line| !line.starts_with("## "))
        .skip(1)
        .take_while(|line| !line.starts_with("## "));
    let mut entries = String::new();
    for line in newest {
        if let Some(entry) = line.strip_prefix("- ") {
            entries += &wrapped(first_sentence(entry));
        }
    }
    if entries.is_empty() {
        entries.push_str("  * No change for users.\n");
    }
    format!(
        "observer ({version}-1) unstable; urgency=medium\n\n{entries}\n \
         -- The observer developers <developers@observer.invalid>  {date}\n"
    )
}

/// The rest is in CHANGELOG.md, which the package holds too.
fn first_sentence(entry: &str) -> &str {
    entry.split_inclusive(". ").next().unwrap_or(entry).trim()
}

/// As an entry of lines of at most 80 columns.
fn wrapped(text: &str) -> String {
    const COLUMNS: usize = 80;
    let mut lines = vec!["  *".to_owned()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("    {word}")),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_section_is_told_in_debians_form() {
        let markdown = "# Changelog\n\nThe form.\n\n## [0.2.0]\n\n### Added\n\n\
                        - One thing. And more.\n- Another.\n\n## [0.1.0]\n\n- Old.\n";
        assert_eq!(
            debian(markdown, "0.2.0", "Sat, 21 Nov 2026 08:00:00 +0000"),
            "observer (0.2.0-1) unstable; urgency=medium\n\n  * One thing.\n  * Another.\n\n \
             -- The observer developers <developers@observer.invalid>  Sat, 21 Nov 2026 08:00:00 +0000\n"
        );
    }

    #[test]
    fn long_entries_are_wrapped() {
        let text = "word ".repeat(40);
        let entry = wrapped(&text);
        assert!(entry.lines().all(|line| line.len() <= 80), "{entry}");
        assert_eq!(entry.matches("word").count(), 40);
        assert_eq!(entry.lines().count(), 3);
    }
}
