//! Parsers of flag values, with messages that say what is expected.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command};
use wildmatch::WildMatch;

use crate::model::EventKind;
use crate::model::State;
use crate::policy::path::Limit;
use crate::policy::profile::PROFILES;
use crate::policy::select::CommGlob;
use crate::policy::{Health, Verdict};

/// One of a fixed set of values, by name.
fn one_of<T>(all: &'static [T], name: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    let names = all.iter().map(|value| PossibleValue::new(name(*value)));
    PossibleValuesParser::new(names).try_map(move |text| {
        let found = all.iter().find(|value| name(**value) == text);
        found.copied().ok_or("no such value")
    })
}

pub(super) fn state() -> impl TypedValueParser<Value = State> {
    one_of(&State::ALL, State::name)
}

pub(super) fn kind() -> impl TypedValueParser<Value = EventKind> {
    one_of(&EventKind::ALL, EventKind::name)
}

pub(super) fn verdict() -> impl TypedValueParser<Value = Verdict> {
    one_of(&Verdict::ALL, Verdict::name)
}

pub(super) fn health() -> impl TypedValueParser<Value = Health> {
    one_of(&Health::ALL, Health::name)
}

/// A profile, a duration or `none`; shells complete the names.
pub(super) fn limit() -> impl TypedValueParser<Value = Limit> {
    LimitParser
}

#[derive(Clone)]
struct LimitParser;

impl TypedValueParser for LimitParser {
    type Value = Limit;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Limit, clap::Error> {
        str::parse.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let profiles = PROFILES
            .iter()
            .map(|profile| PossibleValue::new(profile.name).help(profile.what));
        Some(Box::new(profiles.chain([PossibleValue::new("none")])))
    }
}

pub(super) fn pid(text: &str) -> Result<u32, &'static str> {
    text.parse()
        .ok()
        .filter(|pid| *pid > 0)
        .ok_or("a process id is a whole number above 0, such as 812")
}

pub(super) fn port(text: &str) -> Result<u16, &'static str> {
    text.parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or("a port is a whole number from 1 to 65535")
}

/// The bare number, or what `readlink /proc/PID/ns/net` prints.
pub(super) fn netns(text: &str) -> Result<u32, &'static str> {
    let bare = text
        .strip_prefix("net:[")
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text).parse().map_err(
        |_| "a network namespace is the number in `readlink /proc/PID/ns/net`, such as 4026531840",
    )
}

#[expect(clippy::unnecessary_wraps, reason = "clap takes parsers that can fail")]
pub(super) fn comm(pattern: &str) -> Result<CommGlob, std::convert::Infallible> {
    Ok(CommGlob::new(pattern))
}

#[expect(clippy::unnecessary_wraps, reason = "clap takes parsers that can fail")]
pub(super) fn glob(pattern: &str) -> Result<WildMatch, std::convert::Infallible> {
    Ok(WildMatch::new(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_range() {
        assert_eq!(pid("812"), Ok(812));
        assert!(pid("0").is_err());
        assert!(pid("-1").is_err());
        assert!(pid("python").is_err());
        assert_eq!(port("65535"), Ok(65535));
        assert!(port("65536").is_err());
        assert!(port("0").is_err());
    }

    #[test]
    fn namespaces_are_given_as_readlink_prints_them() {
        assert_eq!(netns("4026531840"), Ok(4_026_531_840));
        assert_eq!(netns("net:[4026531840]"), Ok(4_026_531_840));
        assert!(netns("net:[4026531840").is_err());
        assert!(netns("eth0").is_err());
    }
}
