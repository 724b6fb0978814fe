//! `cargo xtask bench`: observer beside the tools that people use today, in one run.

pub(crate) mod agent;
mod attached;
mod churn;
mod floors;
mod goals;
mod growth;
mod guest;
pub(crate) mod holders;
mod hooks;
pub(crate) mod host;
mod interrupt;
mod list;
mod measure;
mod options;
mod page;
mod phases;
mod plan;
mod results;
pub(crate) mod run;
mod section;
mod show;
pub(crate) mod stat;
mod stats_on;
#[cfg(test)]
mod testing;
mod watch;
mod whole;

use std::{env::var_os, path::PathBuf};

use anyhow::{Result, bail};
use xtask::{apt, env};

use crate::output::Output;
use options::Options;
use section::Section;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    whole: Options,
}

/// One part alone; without any, all of them.
#[derive(clap::Subcommand)]
enum What {
    /// Time `observer list` beside ss and netstat, and check the goals
    List(ListArgs),
    /// Measure what the hooks cost beside nothing, and beside tcpstates and tcplife
    Hooks(HooksArgs),
    /// Measure the CPU time of `observer watch` beside `watch -n1 ss -tnop`, and check the goals
    Watch(watch::WatchArgs),
    /// Measure what `observer agent` costs beside ss, and how it holds under load
    Agent(agent::AgentArgs),
    /// Hold TCP sockets open until stdin closes
    #[command(hide = true)]
    Hold(holders::HoldArgs),
}

#[derive(clap::Args)]
struct ListArgs {
    /// TCP sockets on loopback, both ends counted
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "90000")]
    sockets: Vec<usize>,
    /// Processes that hold them
    #[arg(long, value_name = "N", default_value_t = 6)]
    processes: usize,
    /// Number of times that each command runs, in turn with the others
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Do it in an emulated guest with this kernel, such as 6.12
    #[arg(long, value_name = "SERIES")]
    guest: Option<String>,
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(clap::Args)]
struct HooksArgs {
    /// Connections made and closed for one measurement; fewer in a guest unless given
    #[arg(long, value_name = "N")]
    connections: Option<u32>,
    /// System calls for one measurement; fewer in a guest unless given
    #[arg(long, value_name = "N")]
    calls: Option<u32>,
    /// Number of times that each tool is measured, in turn with the others
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Do it in an emulated guest with this kernel, such as 6.12
    #[arg(long, value_name = "SERIES")]
    guest: Option<String>,
}

pub(crate) fn main(args: &Args) -> Result<()> {
    match &args.what {
        None => whole::run(&args.whole),
        Some(What::Hold(args)) => holders::hold(args),
        Some(What::List(args)) => whole::run(&Options {
            only: vec![Section::List],
            sockets: args.sockets.clone(),
            processes: Some(args.processes),
            rounds: Some(args.rounds),
            guest: args.guest.clone(),
            output: args.output,
            ..Options::default()
        }),
        Some(What::Hooks(args)) => whole::run(&Options {
            only: vec![Section::Hooks],
            connections: args.connections,
            calls: args.calls,
            rounds: Some(args.rounds),
            guest: args.guest.clone(),
            ..Options::default()
        }),
        Some(What::Watch(args)) => watch(args),
        Some(What::Agent(args)) => {
            root()?;
            agent::measure(args, &observer()?)
        }
    }
}

fn watch(args: &watch::WatchArgs) -> Result<()> {
    root()?;
    interrupt::clean_up_on_signals()?;
    apt::install(&watch::PACKAGES)?;
    let plan = plan::Watch {
        sockets: args.sockets,
        seconds: args.seconds,
    };
    let watch = watch::measure(&plan, args.processes, &observer()?)?;
    let goals = goals::watch(Some(&watch));
    println!("{}\n{}", show::agent::watch(&watch), show::goals(&goals));
    if !goals.iter().all(goals::Goal::is_met) {
        bail!("a goal is missed");
    }
    Ok(())
}

fn root() -> Result<()> {
    if !env::is_root() {
        bail!("ss and observer see all owners only as root: run this as root");
    }
    Ok(())
}

/// The program under test: `OBSERVER_BIN`, as guests set it, or one built here.
pub(crate) fn observer() -> Result<PathBuf> {
    if let Some(program) = var_os("OBSERVER_BIN") {
        return Ok(program.into());
    }
    apt::install(&["iproute2", "net-tools"])?;
    let root = env::workspace_root();
    env::run(env::cargo().current_dir(&root).args([
        "build",
        "--release",
        "--package",
        "observer",
    ]))?;
    Ok(env::target_dir(&root).join("release/observer"))
}
