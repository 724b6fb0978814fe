//! The same in a guest with another kernel: the testbed runs itself there.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser as _;
use xtask::{env, vm};

use super::Args;
use crate::output::Output;

/// Path of the testbed in the guest.
const TESTBED: &str = "/bin/testbed";
/// To boot, to begin and to end, on an emulated machine.
const AROUND_S: u64 = 300;

pub(super) fn soak(kernel: &str, args: &Args) -> Result<()> {
    #[derive(clap::Parser)]
    struct Vm {
        #[command(flatten)]
        args: vm::Args,
    }
    let testbed = fast_testbed()?;
    let add = format!("{}:{TESTBED}", testbed.display());
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
        TESTBED,
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

/// This program without what it lacks for debugging: the load is its work, and emulated it is slow
/// enough.
fn fast_testbed() -> Result<PathBuf> {
    let root = env::workspace_root();
    let words = ["build", "--package", "testbed", "--profile", vm::PROFILE];
    env::run(env::cargo().current_dir(&root).args(words))?;
    Ok(env::target_dir(&root).join(vm::PROFILE).join("testbed"))
}
