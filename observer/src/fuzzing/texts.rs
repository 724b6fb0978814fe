//! Values that people write in one word: durations, ranges, limits, addresses to listen on, URLs, names.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use super::input::Input;
use crate::config::listen::Listen;
use crate::config::url::SinkUrl;
use crate::policy::cidr::Cidr;
use crate::policy::path::Limit;
use crate::policy::select::CommGlob;
use crate::policy::span::Span;
use crate::text::escape;

/// Reads a word; the first byte chooses of which kind.
pub fn check(input: &[u8]) {
    let mut rest = Input(input);
    let kind = rest.byte() % 7;
    let bytes = rest.0;
    let text = &*String::from_utf8_lossy(bytes);
    match kind {
        0 => drop(reads_back::<Span>(text)),
        1 => range(text),
        2 => limit(text),
        3 => drop(reads_back::<Listen>(text)),
        4 => url(text),
        5 => drop(CommGlob::new(text)),
        _ => escaped(bytes),
    }
}

/// A printed value reads back as the same.
fn reads_back<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    let parsed: T = match text.parse() {
        Ok(parsed) => parsed,
        Err(why) => {
            assert!(!why.to_string().is_empty());
            return None;
        }
    };
    let printed = parsed.to_string();
    assert_eq!(printed.parse().ok().as_ref(), Some(&parsed), "{printed}");
    Some(parsed)
}

fn range(text: &str) {
    let Some(range) = reads_back::<Cidr>(text) else {
        return;
    };
    assert!(range.contains(range.base()));
    let longest = if range.base().is_ipv4() { 32 } else { 128 };
    assert!(range.prefix_len() <= longest);
}

fn limit(text: &str) {
    let Ok(limit) = text.parse::<Limit>() else {
        return;
    };
    assert_ne!(limit.limit_s(), Some(0));
    assert_eq!(limit.name().parse().as_ref(), Ok(&limit));
}

/// A URL is sent without its user, and shown without the password.
fn url(text: &str) {
    let Ok(url) = text.parse::<SinkUrl>() else {
        return;
    };
    let sent = url.uri().authority().map(|authority| authority.as_str());
    assert!(sent.is_some_and(|sent| !sent.contains('@')), "{sent:?}");
    let shown = url.to_string();
    let again = shown.parse::<SinkUrl>();
    assert_eq!(again.as_ref().map(SinkUrl::uri), Ok(url.uri()), "{shown}");
    assert_eq!(again.map(|again| again.to_string()), Ok(shown));
    if let Some(credentials) = url.credentials() {
        assert!(credentials.contains(&b':') && credentials.len() <= text.len() + 1);
    }
}

fn escaped(bytes: &[u8]) {
    let text = escape::text(bytes);
    assert_eq!(text.chars().find(|c| escape::is_hostile(*c)), None);
    let mut json = Vec::new();
    escape::push_json(&mut json, bytes);
    let read: Result<String, _> = serde_json::from_slice(&json);
    assert_eq!(read.ok().as_deref(), Some(&*String::from_utf8_lossy(bytes)));
}
