//! `cargo xtask test`: every test, on this host and on the kernels of the matrix.

use std::{
    env::{var, var_os},
    path::Path,
    process::Command,
    thread,
};

use anyhow::{Context as _, Result, bail};
use xtask::{apt, env, vm};

use crate::new_machine::{self, NewMachine};
use crate::{dist, step::step, testbed, tools};

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

/// Programs that the agent works with: Prometheus with promtool, Alertmanager, a browser for its page; and what
/// tells its system calls. Debian's packages start Prometheus and Alertmanager as services; tests start
/// their own, on ports of their own.
const MONITORING: &[&str] = &[
    "chromium",
    "prometheus",
    "prometheus-alertmanager",
    "strace",
];

/// Time for each fuzz target; a longer run is `cargo xtask fuzz`, by hand.
const FUZZED: &str = "20s";

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
    let machine = NewMachine::new(&root)?;
    step("tests on this host", || host_tests(&root, &machine))?;
    machine.report_not_run();
    let can_be_root = can_be_root()?;
    if can_be_root && !env::is_root() {
        step("privileged tests on this host", || privileged_tests(&root))?;
    }
    // By the guests' profile, which is built anyway; release takes minutes more.
    dist::main(&dist::Args {
        check: true,
        profile: vm::PROFILE.to_owned(),
    })?;
    if can_be_root {
        step("a client for the lab", || {
            env::run(env::cargo().current_dir(&root).args([
                "build",
                "--package",
                "testbed",
                "--example",
                "reqwest_client",
            ]))
        })?;
        step("the lab", || as_root(&root, &["lab", "--limit", "5s"]))?;
        step("a short soak", || as_root(&root, &["soak", "--for", "30s"]))?;
    }
    let fuzzing = || {
        step("fuzzing", || {
            let testbed = testbed::build(&root)?;
            env::run(Command::new(testbed).args(["fuzz", "--for", FUZZED]))
        })
    };
    if args.no_guests {
        return fuzzing();
    }
    // What waits for an emulated kernel's timers leaves room for what has the lowest priority.
    thread::scope(|scope| {
        let fuzzing = scope.spawn(fuzzing);
        let guests = step("tests in guests", || vm::main(&vm::Args::all_tests()));
        let fuzzed = fuzzing
            .join()
            .unwrap_or_else(|_| bail!("the thread that fuzzes panicked"));
        guests.and(fuzzed)
    })
}

/// True if what needs root can be run. On a developer's machine it is left out where it cannot; CI
/// fails.
fn can_be_root() -> Result<bool> {
    if env::is_root() || env::find_program("sudo").is_some() {
        return Ok(true);
    }
    let missing = "the privileged tests need root or sudo, and this user has neither";
    if var("CI").is_ok_and(|ci| ci == "true") {
        bail!("{missing}");
    }
    eprintln!("xtask: NOT RUN: {missing}");
    Ok(false)
}

/// Runs one of the testbed's commands as root, on the program that the guests run.
fn as_root(root: &Path, args: &[&str]) -> Result<()> {
    let observer = env::target_dir(root).join(vm::PROFILE).join("observer");
    let path = var_os("PATH").context("PATH is not set")?;
    let kept = [
        ("OBSERVER_BIN", observer.as_os_str()),
        ("PATH", &path),
        ("CARGO_MANIFEST_DIR", root.join("xtask").as_os_str()),
        ("CARGO_TARGET_DIR", env::target_dir(root).as_os_str()),
    ]
    .map(|(name, value)| format!("{name}={}", value.to_string_lossy()));
    let testbed = testbed::build(root)?;
    env::run(env::as_root("env").args(kept).arg(testbed).args(args))
}

/// Root runs the privileged tests with the others.
fn host_tests(root: &Path, machine: &NewMachine) -> Result<()> {
    let mut nextest = tools::NEXTEST.command()?;
    nextest.current_dir(root).args(["nextest", "run"]);
    if env::is_root() {
        nextest.env(REQUIRE, "1");
    }
    env::run(&mut machine.run(&nextest)?)
}

fn privileged_tests(root: &Path) -> Result<()> {
    let path = var_os("PATH").context("PATH is not set")?;
    for (name, program) in vm::test_programs(root)? {
        let mut command = env::as_root("env");
        command
            .current_dir(root.join("observer"))
            .arg(format!("{REQUIRE}=1"))
            .arg(format!("PATH={}", path.to_string_lossy()))
            .args(new_machine::WITHOUT_MOUNTS)
            .arg(program);
        env::run(&mut command).with_context(|| format!("test program {name}"))?;
    }
    Ok(())
}
