//! `observer agent` at work: what it costs beside `ss -tnop` each interval, and whether it holds
//! under scrapers, abuse, many workloads and many connections.

mod abuse;
pub(crate) mod bad_clients;
mod bench;
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

use std::path::Path;

use anyhow::{Result, bail};
use clap::ValueEnum as _;

use super::{host::Host, run::Scratch, show};
use bench::{Bench, Part};
use goal::Goal;

pub(super) use bench::AgentArgs;

impl Part {
    fn measure(self, bench: &Bench<'_>) -> Result<Vec<Goal>> {
        match self {
            Self::Cost => {
                let steady = cost::measure(bench)?;
                println!("\n### Cost\n\n{}", show::agent::steady(&steady));
                Ok(cost::goals(&steady))
            }
            Self::Load => load::measure(bench),
            Self::Cardinality => cardinality::measure(bench),
            Self::Churn => churn::measure(bench),
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
