//! `cargo xtask soak`: the agent on a host where everything comes and goes, for as long as is asked,
//! and whether it then is as it was at the beginning.

mod bounds;
mod end;
mod guest;
mod last;
mod load;
mod log;
mod phases;
mod report;
mod samples;
mod shared;
mod sink;
mod stage;
mod trend;
mod watch;

use std::time::Duration;

use anyhow::{Result, bail};
use xtask::env;

use crate::{bench, duration, output::Output};

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// Duration, such as 30s, 10m or 12h
    #[arg(long = "for", value_name = "DUR", default_value = "10m", value_parser = duration::parse)]
    lasts: Duration,
    /// Do it in an emulated guest with this kernel, such as 5.10 or newest
    #[arg(long, value_name = "SERIES")]
    guest: Option<String>,
    /// The agent's scan method
    #[arg(long, value_name = "WAY", default_value = "auto", value_parser = ["auto", "bpf", "diag"])]
    scan: String,
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(subcommand)]
    role: Option<load::Role>,
}

/// Shorter than this, there is no time for the load's rounds.
const SHORTEST: Duration = Duration::from_secs(30);

pub(crate) fn main(args: &Args) -> Result<()> {
    if let Some(role) = &args.role {
        return role.run();
    }
    if args.lasts < SHORTEST {
        bail!("--for must be at least {} s", SHORTEST.as_secs());
    }
    if let Some(kernel) = &args.guest {
        return guest::soak(kernel, args);
    }
    if !env::is_root() {
        bail!("the agent and the load need root: run this as root");
    }
    let found = phases::run(args, &bench::observer()?)?;
    report::print(args.output, &found);
    let broken: Vec<_> = found.bounds.iter().filter(|bound| !bound.holds).collect();
    if !broken.is_empty() {
        let names: Vec<_> = broken.iter().map(|bound| bound.name).collect();
        bail!("out of bounds: {}", names.join("; "));
    }
    Ok(())
}
