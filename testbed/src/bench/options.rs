//! Options of the user, and the plan that they make.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{plan::Plan, section::Section};
use crate::output::Output;

/// Of the whole benchmark.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Options {
    /// Only these sections
    #[arg(long, value_enum, value_name = "SECTION", value_delimiter = ',')]
    pub(super) only: Vec<Section>,
    /// Small numbers, in a minute: to try the bench; no goal is judged by them
    #[arg(long)]
    pub(super) quick: bool,
    /// TCP sockets on loopback, both ends counted, for `list` and `floors`
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(super) sockets: Vec<usize>,
    /// Processes that hold them
    #[arg(long, value_name = "N")]
    pub(super) processes: Option<usize>,
    /// Number of times that each command and tool is measured, in turn with the others
    #[arg(long, value_name = "N")]
    pub(super) rounds: Option<usize>,
    /// Connections for one measurement of `hooks`
    #[arg(long, value_name = "N")]
    pub(super) connections: Option<u32>,
    /// System calls for one measurement of `hooks`
    #[arg(long, value_name = "N")]
    pub(super) calls: Option<u32>,
    /// Measure in an emulated guest with this kernel, such as 6.12, what can be measured there
    #[arg(long, value_name = "SERIES")]
    pub(super) guest: Option<String>,
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) output: Output,
    /// Store the results in this file, section by section; others in it stay as they are
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
    /// Measure nothing: make docs/performance.md of docs/performance.json
    #[arg(long, conflicts_with_all = ["guest", "save", "only", "quick"])]
    pub(super) page: bool,
    /// Only compare the page with what would be made
    #[arg(long, requires = "page")]
    pub(super) check: bool,
    /// In a guest: print the results for the host to read
    #[arg(long, hide = true)]
    pub(super) emit: bool,
}

impl Options {
    /// Fills in what was not given.
    pub(super) fn plan(&self, is_guest: bool) -> Result<Plan> {
        let mut plan = if self.quick {
            Plan::quick(is_guest)
        } else {
            Plan::full(is_guest)
        };
        if !self.only.is_empty() {
            plan.sections.clone_from(&self.only);
            let here = Section::all(is_guest);
            if let Some(section) = self.only.iter().find(|section| !here.contains(section)) {
                bail!("{section:?} is not measured in a guest: leave out --guest");
            }
        }
        if !self.sockets.is_empty() {
            plan.sockets.clone_from(&self.sockets);
            plan.sockets.sort_unstable();
            plan.sockets.dedup();
        }
        if let Some(rounds) = self.rounds {
            plan.rounds = rounds;
            plan.hooks.rounds = rounds;
        }
        plan.processes = self.processes.unwrap_or(plan.processes);
        plan.hooks.connections = self.connections.unwrap_or(plan.hooks.connections);
        plan.hooks.calls = self.calls.unwrap_or(plan.hooks.calls);
        if plan.rounds == 0 || plan.processes == 0 || plan.sockets.contains(&0) {
            bail!("--rounds, --processes and --sockets must be at least 1");
        }
        Ok(plan)
    }

    /// The same for the testbed in a guest.
    pub(super) fn words_in_guest(&self) -> Vec<String> {
        let mut words = vec!["--emit".to_owned()];
        if self.quick {
            words.push("--quick".to_owned());
        }
        let mut add = |flag: &str, value: Option<String>| {
            words.extend(value.map(|value| format!("--{flag}={value}")));
        };
        let names = self.only.iter().map(|section| section.name());
        add("only", joined(names));
        add(
            "sockets",
            joined(self.sockets.iter().map(ToString::to_string)),
        );
        add("processes", self.processes.map(|n| n.to_string()));
        add("rounds", self.rounds.map(|n| n.to_string()));
        add("connections", self.connections.map(|n| n.to_string()));
        add("calls", self.calls.map(|n| n.to_string()));
        words
    }
}

fn joined(words: impl Iterator<Item = String>) -> Option<String> {
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(","))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    fn parse(words: &str) -> Options {
        let words = std::iter::once("bench").chain(words.split_whitespace());
        Cli::parse_from(words).options
    }

    #[test]
    fn a_guest_is_told_what_was_asked() {
        let asked = "--quick --only floors,list --sockets 9,4 --rounds 2 --processes 3 --calls 5";
        let options = parse(asked);
        let passed = parse(&options.words_in_guest().join(" "));
        assert!(passed.emit);
        let (plan, there) = (options.plan(true).unwrap(), passed.plan(true).unwrap());
        assert_eq!(format!("{plan:?}"), format!("{there:?}"));
        assert_eq!(plan.sections, [Section::Floors, Section::List]);
        assert_eq!(plan.sockets, [4, 9]);
        assert_eq!((plan.rounds, plan.hooks.rounds, plan.processes), (2, 2, 3));
        assert_eq!((plan.hooks.calls, plan.quick), (5, true));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(parse("--rounds 0").plan(false).is_err());
        assert!(parse("--sockets 0").plan(false).is_err());
        let error = parse("--only watch").plan(true).unwrap_err();
        assert!(error.to_string().contains("guest"), "{error}");
        assert!(Cli::try_parse_from(["bench", "--check"]).is_err());
    }
}
