//! The same in a guest with another kernel: xtask runs itself there.

use anyhow::{Context as _, Result};
use clap::Parser as _;

use super::Args;
use crate::{bench::report::Output, vm};

/// Where the guest finds xtask.
const XTASK: &str = "/bin/xtask";
/// To boot, to begin and to end, on an emulated machine.
const AROUND_S: u64 = 300;

pub(super) fn soak(kernel: &str, args: &Args) -> Result<()> {
    #[derive(clap::Parser)]
    struct Vm {
        #[command(flatten)]
        args: vm::Args,
    }
    let xtask = std::env::current_exe().context("where is xtask's own program?")?;
    let add = format!("{}:{XTASK}", xtask.display());
    let timeout_s = (args.lasts.as_secs() + AROUND_S).to_string();
    let lasts = format!("{}s", args.lasts.as_secs());
    let output = match args.output {
        Output::Table => "table",
        Output::Json => "json",
    };
    let words = [
        "vm",
        "--kernel",
        kernel,
        "--memory",
        "2048",
        "--timeout",
        &timeout_s,
        "--add",
        &add,
        "--",
        XTASK,
        "soak",
        "--for",
        &lasts,
        "--scan",
        &args.scan,
        "--output",
        output,
    ];
    vm::main(&Vm::parse_from(words).args)
}
