//! `cargo xtask bench`: observer beside the tools that people use today, in one run.

pub(crate) mod agent;
mod goals;
mod guest;
pub(crate) mod holders;
mod hooks;
pub(crate) mod host;
mod list;
pub(crate) mod report;
pub(crate) mod run;
mod watch;

use std::{env::var_os, path::PathBuf};

use anyhow::{Result, bail};

use crate::{apt, env};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Time `observer list` beside ss and netstat, and check the goals
    List(ListArgs),
    /// Measure what the hooks cost beside nothing, and beside tcpstates and tcplife
    Hooks(hooks::HooksArgs),
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
    #[arg(long, value_name = "N", default_value_t = 90_000)]
    sockets: usize,
    /// Processes that hold them
    #[arg(long, value_name = "N", default_value_t = 6)]
    processes: usize,
    /// How often each command runs, in turn with the others
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Do it in an emulated guest with this kernel, such as 6.12
    #[arg(long, value_name = "SERIES")]
    guest: Option<String>,
    #[arg(short, long, value_enum, default_value_t = report::Output::Table)]
    output: report::Output,
}

pub(crate) fn main(args: &Args) -> Result<()> {
    match &args.what {
        What::Hold(args) => holders::hold(args),
        What::Hooks(args) => match &args.guest {
            Some(kernel) => guest::hooks(kernel, args),
            None => {
                if var_os("OBSERVER_BIN").is_none() {
                    apt::install(&["bpftool", hooks::PACKAGE])?;
                }
                hooks::measure(args, &observer()?)
            }
        },
        What::Watch(args) => {
            root()?;
            apt::install(&watch::PACKAGES)?;
            watch::measure(args, &observer()?)
        }
        What::Agent(args) => {
            root()?;
            agent::measure(args, &observer()?)
        }
        What::List(args) => match &args.guest {
            Some(kernel) => guest::list(kernel, args),
            None => list(args),
        },
    }
}

fn list(args: &ListArgs) -> Result<()> {
    root()?;
    if args.rounds == 0 {
        bail!("--rounds must be at least 1");
    }
    let observer = observer()?;
    let measured = list::measure(args, &observer)?;
    let goals = goals::check(&measured);
    report::print(args.output, &measured, &goals);
    let missed: Vec<_> = goals.iter().filter(|goal| !goal.met()).collect();
    if !missed.is_empty() {
        let names: Vec<_> = missed.iter().map(|goal| goal.name.as_str()).collect();
        bail!("missed: {}", names.join(", "));
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
