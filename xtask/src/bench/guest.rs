//! The same benchmark on another kernel: xtask runs itself in a guest.

use anyhow::{Context as _, Result};
use clap::Parser as _;

use super::{ListArgs, report::Output};
use crate::vm;

/// Where the guest finds xtask.
const XTASK: &str = "/bin/xtask";

pub(super) fn list(kernel: &str, args: &ListArgs) -> Result<()> {
    #[derive(clap::Parser)]
    struct Vm {
        #[command(flatten)]
        args: vm::Args,
    }
    let xtask = std::env::current_exe().context("where is xtask's own program?")?;
    let add = format!("{}:{XTASK}", xtask.display());
    let [sockets, processes, rounds] =
        [args.sockets, args.processes, args.rounds].map(|number| number.to_string());
    let output = match args.output {
        Output::Table => "table",
        Output::Json => "json",
    };
    let vm = [
        "vm",
        "--kernel",
        kernel,
        "--memory",
        "4096",
        "--timeout",
        "1200",
    ];
    let bench = [
        "bench",
        "list",
        "--sockets",
        &sockets,
        "--processes",
        &processes,
    ];
    let words = vm
        .into_iter()
        .chain(["--add", &add, "--", XTASK])
        .chain(bench)
        .chain(["--rounds", &rounds, "--output", output]);
    vm::main(&Vm::parse_from(words).args)
}
