//! The configuration file.

use std::path::Path;

use crate::config::{Config, ConfigError};

/// Reads a file, prints what holds and reads that again.
pub fn check(input: &[u8]) {
    // What is no UTF-8 is refused before.
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let parse = |text: &str| Config::parse(Path::new("config.toml"), text);
    let config = match parse(text) {
        Ok(config) => config,
        Err(error) => return is_pointed(&error, text),
    };
    let printed = config.to_toml();
    let again = parse(&printed);
    assert!(again.is_ok(), "{again:?}\n{printed}");
    assert_eq!(
        again.as_ref().map(Config::to_toml).ok(),
        Some(printed.clone())
    );
    // A password is not printed, so that the configuration is another then.
    if !printed.contains(":***@") {
        assert_eq!(again.ok(), Some(config), "{printed}");
    }
}

/// The error is one line, and at a place that is in the file.
fn is_pointed(error: &ConfigError, text: &str) {
    let ConfigError::Invalid {
        line,
        column,
        message,
        ..
    } = error
    else {
        unreachable!("{error}")
    };
    assert!(
        !message.is_empty() && !message.contains('\n'),
        "{message:?}"
    );
    let lines: Vec<&str> = text.split('\n').collect();
    let found = lines.get(line - 1);
    let fits = found.is_some_and(|found| *column <= found.chars().count() + 1);
    assert!(fits, "{line}:{column} {message}");
}
