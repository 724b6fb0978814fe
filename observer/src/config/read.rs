//! Reads values as people write them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor};

use crate::policy::path::Limit;
use crate::policy::span::Span;

/// A value that is written as text.
pub(super) fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    String::deserialize(deserializer)?
        .parse()
        .map_err(D::Error::custom)
}

/// A limit: text, or a number of seconds.
pub(super) fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limit, D::Error> {
    text_or_number(
        deserializer,
        "a profile, a duration such as \"350s\", or \"none\"",
    )
}

/// A duration: text, or a number of seconds.
pub(super) fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    text_or_number(deserializer, "a duration such as \"10s\"")
}

/// A duration that is not 0.
pub(super) fn span_above_0<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let span = span(deserializer)?;
    if span.ms == 0 {
        return Err(D::Error::custom("must be longer than 0"));
    }
    Ok(span)
}

/// The path of a file. It is absolute, since nobody thinks of the directory that a daemon runs in.
pub(super) fn file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::from(String::deserialize(deserializer)?);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(D::Error::custom("the path of the file must begin with /"))
    }
}

/// The path of a file that need not be.
pub(super) fn some_file<'de, D>(deserializer: D) -> Result<Option<PathBuf>, D::Error>
where
    D: Deserializer<'de>,
{
    file(deserializer).map(Some)
}

fn text_or_number<'de, T, D>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct TextOrNumber(&'static str);

    impl Visitor<'_> for TextOrNumber {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_i64<E>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }

    deserializer
        .deserialize_any(TextOrNumber(expected))?
        .parse()
        .map_err(D::Error::custom)
}
