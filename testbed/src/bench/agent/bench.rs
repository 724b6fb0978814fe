//! Arguments of `bench agent`, and what each of its parts works with.

use std::{path::Path, time::Duration};

use super::running::Setup;
use crate::bench::run::Scratch;

#[derive(clap::Args)]
pub(in crate::bench) struct AgentArgs {
    /// Only this part, where it is not all
    #[arg(long, value_enum)]
    pub(super) only: Option<Part>,
    /// TCP sockets on loopback for the cost, both ends counted
    #[arg(long, value_name = "N", default_value_t = 90_000)]
    pub(super) sockets: usize,
    /// Processes that hold them
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub(super) processes: usize,
    /// Connections in danger, so that no sweep may be left out
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub(super) danger: usize,
    /// Time from one sweep to the next, and from one ss to the next
    #[arg(long, value_name = "S", default_value_t = 10)]
    pub(super) interval: u64,
    /// Duration of each measurement of the cost
    #[arg(long, value_name = "S", default_value_t = 120)]
    pub(super) seconds: u64,
    /// Time for which scrapers scrape, and connections come and go
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub(super) load_seconds: u64,
    /// Scrapers at once
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(super) scrapers: usize,
    /// Sockets for load and cardinality
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    pub(super) load_sockets: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Part {
    /// CPU time and memory
    Cost,
    /// Scrapers and abuse
    Load,
    /// Series
    Cardinality,
    /// Connections made and closed
    Churn,
}

impl AgentArgs {
    /// Arguments where none is given.
    pub(super) fn defaults() -> Self {
        #[derive(clap::Parser)]
        struct Defaults {
            #[command(flatten)]
            args: AgentArgs,
        }
        let parsed: Defaults = clap::Parser::parse_from(["agent"]);
        parsed.args
    }

    pub(super) fn interval(&self) -> Duration {
        Duration::from_secs(self.interval)
    }
}

/// Program under test, arguments and folder of one run.
pub(super) struct Bench<'a> {
    pub(super) args: &'a AgentArgs,
    pub(super) observer: &'a Path,
    pub(super) scratch: Scratch,
}

impl Bench<'_> {
    pub(super) fn setup<'s>(&'s self, flags: &'s [&'s str]) -> Setup<'s> {
        Setup {
            observer: self.observer,
            scratch: &self.scratch,
            interval: self.args.interval(),
            agent: String::new(),
            flags,
            authorization: None,
        }
    }
}
