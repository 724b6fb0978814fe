//! `cargo xtask test`: every test, on this host and on the kernels of the matrix.

use std::{
    env::{var, var_os},
    path::Path,
};

use anyhow::{Context as _, Result, bail};

use crate::{apt, dist, env, step::step, tools, vm};

/// Makes a test that needs privilege fail where it would else say why it did nothing.
const REQUIRE: &str = "OBSERVER_REQUIRE_PRIVILEGED";

/// Clients whose connections the tests of `observer explain` look at, a terminal for watch, and what
/// makes certificates for the exporter.
const CLIENTS: &[&str] = &[
    "curl",
    "default-jdk-headless",
    "golang-go",
    "libcurl4-openssl-dev",
    "nodejs",
    "openssl",
    "postgresql-client",
    "procps",
    "python3-aiohttp",
    "python3-httpx",
    "python3-requests",
    "tmux",
    "wget",
];

/// What the agent works with: Prometheus with promtool, Alertmanager, a browser for its page; and what
/// tells its system calls. Debian's packages start Prometheus and Alertmanager as services; tests start
/// their own, on ports of their own.
const MONITORING: &[&str] = &[
    "chromium",
    "prometheus",
    "prometheus-alertmanager",
    "strace",
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave the other kernels out
    #[arg(long)]
    no_guests: bool,
}

pub(crate) fn main(args: &Args) -> Result<()> {
    let root = env::workspace_root();
    step("packages", || {
        apt::install(&vm::packages())?;
        apt::install(CLIENTS)?;
        apt::install(MONITORING)?;
        // Said before the long part, not after it.
        if args.no_guests {
            Ok(())
        } else {
            vm::prepare()
        }
    })?;
    step("documentation tests", || {
        env::run(
            env::cargo()
                .current_dir(&root)
                .args(["test", "--quiet", "--doc"]),
        )
    })?;
    step("tests on this host", || host_tests(&root))?;
    if !env::is_root() {
        step("privileged tests on this host", || privileged_tests(&root))?;
    }
    // By the guests' profile, which is built anyway; release takes minutes more.
    dist::main(&dist::Args {
        check: true,
        profile: vm::PROFILE.to_owned(),
    })?;
    if !args.no_guests {
        step("tests in guests", || vm::main(&vm::Args::all_tests()))?;
    }
    Ok(())
}

/// Root runs the privileged tests with the others.
fn host_tests(root: &Path) -> Result<()> {
    let mut nextest = tools::NEXTEST.command()?;
    nextest.current_dir(root).args(["nextest", "run"]);
    if env::is_root() {
        nextest.env(REQUIRE, "1");
    }
    env::run(&mut nextest)
}

fn privileged_tests(root: &Path) -> Result<()> {
    if env::find_program("sudo").is_none() {
        let missing = "the privileged tests need root or sudo, and this user has neither";
        if var("CI").is_ok_and(|ci| ci == "true") {
            bail!("{missing}");
        }
        eprintln!("xtask: NOT RUN: {missing}");
        return Ok(());
    }
    let path = var_os("PATH").context("PATH is not set")?;
    for (name, program) in vm::test_programs(root)? {
        let mut command = env::as_root("env");
        command
            .current_dir(root.join("observer"))
            .arg(format!("{REQUIRE}=1"))
            .arg(format!("PATH={}", path.to_string_lossy()))
            .arg(program);
        env::run(&mut command).with_context(|| format!("test program {name}"))?;
    }
    Ok(())
}
