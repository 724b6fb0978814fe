//! Shows results as Markdown: on the terminal, and on the page.

pub(super) mod agent;
mod attached;
mod floors;
mod goals;
mod list;
mod table;

use std::fmt;

use super::{
    results::{Place, Taken},
    section::Section,
};

/// A piece of the report, made of one section's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    List,
    Growth,
    Phases,
    Memory,
    Floors,
    Agent,
    Scrape,
    Hooks,
    Programs,
    Churn,
    Watch,
}

impl Block {
    /// As they follow each other.
    pub(super) const ALL: [Self; 11] = [
        Self::List,
        Self::Growth,
        Self::Phases,
        Self::Memory,
        Self::Floors,
        Self::Agent,
        Self::Scrape,
        Self::Hooks,
        Self::Programs,
        Self::Churn,
        Self::Watch,
    ];

    /// In the page's template.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Growth => "growth",
            Self::Phases => "phases",
            Self::Memory => "memory",
            Self::Floors => "floors",
            Self::Agent => "agent",
            Self::Scrape => "scrape",
            Self::Hooks => "hooks",
            Self::Programs => "programs",
            Self::Churn => "churn",
            Self::Watch => "watch",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::List => "Scan and list",
            Self::Growth => "Growth with the sockets",
            Self::Phases => "Where the time goes",
            Self::Memory => "Peak memory",
            Self::Floors => "Floors",
            Self::Agent => "The agent at rest",
            Self::Scrape => "Scrapes",
            Self::Hooks => "A connection and a system call",
            Self::Programs => "Each hook",
            Self::Churn => "Connections that come and go",
            Self::Watch => "observer watch",
        }
    }

    pub(super) fn section(self) -> Section {
        match self {
            Self::List | Self::Growth | Self::Phases | Self::Memory => Section::List,
            Self::Floors => Section::Floors,
            Self::Agent => Section::Agent,
            Self::Scrape => Section::Scrape,
            Self::Hooks | Self::Programs => Section::Hooks,
            Self::Churn => Section::Churn,
            Self::Watch => Section::Watch,
        }
    }

    /// `None` where the section was not measured.
    pub(super) fn show(self, place: &Place) -> Option<String> {
        let Place {
            list,
            floors,
            agent,
            scrape,
            hooks,
            churn,
            watch,
        } = place;
        match self {
            Self::List => with_host(list.as_ref(), list::times),
            Self::Growth => with_host(list.as_ref(), list::growth),
            Self::Phases => with_host(list.as_ref(), list::phases),
            Self::Memory => with_host(list.as_ref(), list::memory),
            Self::Floors => with_host(floors.as_ref(), floors::floors),
            Self::Agent => with_host(agent.as_ref(), agent::steady),
            Self::Scrape => with_host(scrape.as_ref(), agent::scrape),
            Self::Hooks => with_host(hooks.as_ref(), attached::hooks),
            Self::Programs => with_host(hooks.as_ref(), attached::programs),
            Self::Churn => with_host(churn.as_ref(), attached::churn),
            Self::Watch => with_host(watch.as_ref(), agent::watch),
        }
    }
}

pub(super) use goals::goals;

/// Everything that was measured.
pub(super) fn report(place: &Place) -> String {
    let mut out = String::new();
    for block in Block::ALL {
        if let Some(shown) = block.show(place) {
            out.push_str(&format!("## {}\n\n{shown}\n", block.title()));
        }
    }
    out
}

/// Host of the measurement, then the result.
fn with_host<T>(taken: Option<&Taken<T>>, show: fn(&T) -> String) -> Option<String> {
    let taken = taken?;
    let host = &taken.host;
    let mut line = format!(
        "{}, {}; Linux {}, {} CPUs ({}), {} MiB{}; load {:.2} before it began.",
        host.observer,
        host.ss,
        host.kernel,
        host.cpus,
        host.cpu,
        grouped(host.memory_mib),
        if host.guest { ", emulated" } else { "" },
        taken.load_before,
    );
    if taken.quick {
        line.push_str(" **Small numbers, to try the bench: they show nothing.**");
    }
    Some(format!("{line}\n\n{}", show(&taken.result)))
}

/// `90,000`.
pub(super) fn grouped(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `one round`, `5 rounds`.
fn rounds(count: usize) -> String {
    match count {
        1 => "one round".to_owned(),
        _ => format!("{count} rounds"),
    }
}

/// With so many decimals; `?` where it is not known.
fn known(value: Option<f64>, decimals: usize) -> String {
    let value = value.filter(|value| value.is_finite());
    value.map_or_else(|| "?".to_owned(), |value| format!("{value:.decimals$}"))
}

/// As code.
fn code(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::testing::results;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(123), "123");
        assert_eq!(grouped(90_000), "90,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(known(None, 1), "?");
        assert_eq!(known(Some(f64::NAN), 1), "?");
    }

    #[test]
    fn only_what_was_measured_is_shown() {
        let place = results().native;
        let shown = report(&place);
        for block in Block::ALL {
            let is_measured = block.show(&place).is_some();
            assert_eq!(shown.contains(block.title()), is_measured, "{block:?}");
        }
        assert!(Block::Floors.show(&place).is_some());
        assert!(Block::Scrape.show(&place).is_none());
        assert_eq!(report(&Place::default()), "");
    }
}
