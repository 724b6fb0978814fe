//! The parts of the benchmark, each measured and stored by itself.

use clap::ValueEnum as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Section {
    /// `observer list` beside ss and netstat: time, phases, memory, growth
    List,
    /// Walks that do next to nothing, beside the agent's summary and a full scan
    Floors,
    /// CPU time and memory of an agent that nobody asks much
    Agent,
    /// Duration of a scrape
    Scrape,
    /// A connection and a system call with observer's hooks, and with other tools'
    Hooks,
    /// Connections a second with observer's hooks, and with other tools'
    Churn,
    /// `observer watch` beside `watch -n1 ss -tnop`
    Watch,
}

impl Section {
    /// Those that can be measured there: guests lack tmux, and are too slow for long waits.
    pub(super) fn all(is_guest: bool) -> Vec<Self> {
        let in_guest = [Self::List, Self::Floors, Self::Hooks, Self::Churn];
        let all = Self::value_variants().iter().copied();
        all.filter(|section| !is_guest || in_guest.contains(section))
            .collect()
    }

    /// As on the command line.
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
