//! `observer agent` at work: what it costs beside `ss -tnop` each interval, and whether it holds
//! under scrapers, abuse, many workloads and many connections.

mod abuse;
pub(crate) mod bad_clients;
mod cardinality;
mod churn;
pub(super) mod cost;
mod danger;
pub(crate) mod exposition;
mod goal;
pub(crate) mod http;
pub(super) mod latency;
mod load;
pub(crate) mod running;
mod scraper;
pub(crate) mod usage;

use std::{path::Path, time::Duration};

use anyhow::{Result, bail};
use clap::ValueEnum as _;

use super::{host::Host, run::Scratch};
use goal::Goal;
use running::Setup;

#[derive(clap::Args)]
pub(super) struct AgentArgs {
    /// Only this part, where it is not all
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// TCP sockets on loopback for the cost, both ends counted
    #[arg(long, value_name = "N", default_value_t = 90_000)]
    sockets: usize,
    /// Processes that hold them
    #[arg(long, value_name = "N", default_value_t = 6)]
    processes: usize,
    /// Connections in danger, so that no look is spared
    #[arg(long, value_name = "N", default_value_t = 300)]
    danger: usize,
    /// Time from one look to the next, and from one ss to the next
    #[arg(long, value_name = "S", default_value_t = 10)]
    interval: u64,
    /// How long the cost is measured, each time
    #[arg(long, value_name = "S", default_value_t = 120)]
    seconds: u64,
    /// How long scrapers scrape, and connections come and go
    #[arg(long, value_name = "S", default_value_t = 60)]
    load_seconds: u64,
    /// Scrapers at once
    #[arg(long, value_name = "N", default_value_t = 200)]
    scrapers: usize,
    /// Sockets for load and cardinality
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    load_sockets: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// CPU time and memory
    Cost,
    /// Scrapers and abuse
    Load,
    /// Series
    Cardinality,
    /// Connections made and closed
    Churn,
}

impl Part {
    fn measure(self, bench: &Bench<'_>) -> Result<Vec<Goal>> {
        match self {
            Self::Cost => cost::measure(bench),
            Self::Load => load::measure(bench),
            Self::Cardinality => cardinality::measure(bench),
            Self::Churn => churn::measure(bench),
        }
    }
}

impl AgentArgs {
    /// As nobody has said anything else.
    fn defaults() -> Self {
        #[derive(clap::Parser)]
        struct Defaults {
            #[command(flatten)]
            args: AgentArgs,
        }
        let parsed: Defaults = clap::Parser::parse_from(["agent"]);
        parsed.args
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(self.interval)
    }
}

/// What each part works with.
struct Bench<'a> {
    args: &'a AgentArgs,
    observer: &'a Path,
    scratch: Scratch,
}

impl Bench<'_> {
    fn setup<'s>(&'s self, flags: &'s [&'s str]) -> Setup<'s> {
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

pub(super) fn measure(args: &AgentArgs, observer: &Path) -> Result<()> {
    let host = Host::read(observer)?;
    println!(
        "Linux {}, {} CPUs ({}), {} MiB; {}; {}",
        host.kernel, host.cpus, host.cpu, host.memory_mib, host.ss, host.observer
    );
    let bench = Bench {
        args,
        observer,
        scratch: Scratch::new()?,
    };
    let mut goals = Vec::new();
    for part in Part::value_variants() {
        if args.only.is_none_or(|only| only == *part) {
            goals.append(&mut part.measure(&bench)?);
        }
    }
    goal::print(&goals);
    let missed: Vec<_> = goals.iter().filter(|goal| !goal.met).collect();
    if !missed.is_empty() {
        let names: Vec<_> = missed.iter().map(|goal| goal.name.as_str()).collect();
        bail!("missed: {}", names.join("; "));
    }
    Ok(())
}
