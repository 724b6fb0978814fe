//! `cargo xtask bench`, `fuzz`, `lab` and `soak`: commands of the package `testbed`, which is built
//! when one of them is called.

use std::{
    env::args_os,
    ffi::OsString,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result};
use xtask::env;

/// Exit code where the testbed cannot be built or run; 1 is a result of its commands.
const CANNOT_RUN: u8 = 2;

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Arguments of the testbed's command; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _args: Vec<OsString>,
}

/// Replaces this process by the testbed's program, with the same command line: it gets the signals, and
/// its exit code is this process's.
pub(crate) fn main() -> ExitCode {
    let error = match build(&env::workspace_root()) {
        Ok(program) => {
            let error = Command::new(&program).args(args_os().skip(1)).exec();
            anyhow::Error::new(error).context(format!("cannot run {}", program.display()))
        }
        Err(error) => error,
    };
    eprintln!("xtask: {error:#}");
    ExitCode::from(CANNOT_RUN)
}

/// Path of the testbed's program, built by cargo's default profile as this one is.
pub(crate) fn build(root: &Path) -> Result<PathBuf> {
    let mut build = env::cargo();
    build
        .current_dir(root)
        .args(["build", "--quiet", "--package", "testbed"]);
    env::run(&mut build).context("cannot build the testbed")?;
    Ok(env::target_dir(root).join("debug/testbed"))
}
