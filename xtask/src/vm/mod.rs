//! `cargo xtask vm`: observer's tests, or one command, on other kernels, in emulated guests.

mod cpio;
mod emulator;
mod initramfs;
mod kernels;
mod modules;
mod payload;
mod qemu;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use self::{
    kernels::Kernel,
    payload::Payload,
    qemu::{Machine, Outcome},
};
use crate::{apt, env};

/// Arguments of `cargo xtask vm`.
#[derive(clap::Args)]
pub struct Args {
    /// Kernels: a series such as 6.12, or the newest there is
    ///
    /// Those between the first and the last named leave out the tests that take longest and differ
    /// least from kernel to kernel.
    #[arg(long, value_delimiter = ',', default_value = "5.10,6.1,6.12,newest")]
    kernel: Vec<String>,
    /// Seconds after which a guest is killed
    #[arg(long, value_name = "S", default_value_t = 1200)]
    timeout: u64,
    /// Memory of a guest in MiB
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    memory: u32,
    /// Guests at a time; each has two CPUs
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Run only these test programs
    #[arg(long, value_name = "NAME", num_args = 1..)]
    test: Vec<String>,
    /// Put a file or folder into the guest, programs with their libraries
    #[arg(long, value_name = "HOSTPATH[:GUESTPATH]")]
    add: Vec<String>,
    /// Ask the archive for newer kernels than those in the cache
    #[arg(long)]
    refresh: bool,
    /// Run this in the guest instead of the tests, and print what it prints
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

impl Args {
    /// The matrix as `cargo xtask test` runs it: the oldest, the newest, and Debian 12's. What 6.12
    /// finds beside them is seldom worth its seven minutes; by hand it is part of the default.
    pub fn all_tests() -> Self {
        use clap::Parser as _;

        #[derive(clap::Parser)]
        struct Defaults {
            #[command(flatten)]
            args: Args,
        }
        Defaults::parse_from(["vm", "--kernel", "5.10,6.1,newest"]).args
    }
}

/// The Debian packages that the guests' contents come from.
pub fn packages() -> Vec<&'static str> {
    initramfs::packages()
}

pub use payload::{PROFILE, test_programs};

/// File with the output of the last guest with this kernel.
pub fn log_of(series: &str) -> PathBuf {
    logs(&env::workspace_root()).join(format!("{series}.log"))
}

fn logs(root: &Path) -> PathBuf {
    env::target_dir(root).join("vm")
}

/// Gets what the guests of `cargo xtask test` need from elsewhere, or says what is missing.
pub fn prepare() -> Result<()> {
    emulator::find()?;
    let (_, absent) = kernels_of(&Args::all_tests());
    if !absent.is_empty() {
        bail!("{} kernels of the matrix are missing", absent.len());
    }
    Ok(())
}

/// Something went wrong on some kernels.
#[derive(Debug)]
pub struct Failed {
    failed: usize,
    of: usize,
    /// Of the last test program, or the command, on the last kernel; `None` where it did not end.
    pub exit_code: Option<i32>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} kernels failed", self.failed, self.of)
    }
}

impl std::error::Error for Failed {}

/// Boots the guests, one kernel after the other or some at a time.
pub fn main(args: &Args) -> Result<()> {
    if std::env::consts::ARCH != "x86_64" {
        bail!("the guests run x86_64 kernels and this machine's test programs, which differ here");
    }
    let root = env::workspace_root();
    apt::install(&initramfs::packages())?;
    let qemu = emulator::find()?;
    let (kernels, absent) = kernels_of(args);
    let payload = Payload::build(&root, args)?;

    let logs = logs(&root);
    fs::create_dir_all(&logs)?;
    let machine = Machine {
        qemu: &qemu,
        memory_mib: args.memory,
        timeout: Duration::from_secs(args.timeout),
        echo: !args.command.is_empty(),
    };
    let lighter = payload.between();
    let runs: Vec<Run<'_>> = kernels
        .iter()
        .enumerate()
        .map(|(index, kernel)| {
            let is_between = index > 0 && index + 1 < kernels.len() && args.test.is_empty();
            Run {
                kernel,
                payload: if is_between { &lighter } else { &payload },
            }
        })
        .collect();
    let mut failed = absent.len();
    let mut exit_code = None;
    let mut tests = (0, 0);
    for (Run { kernel, payload }, outcome) in run_all(args, &runs, &machine, &logs) {
        let good = outcome.as_ref().is_ok_and(|outcome| good(outcome, payload));
        if let Some((_, code)) = outcome.as_ref().ok().and_then(|it| it.ended.last()) {
            exit_code = Some(*code);
        }
        failed += usize::from(!good);
        if let Ok(outcome) = &outcome {
            tests = (tests.0 + outcome.passed, tests.1 + outcome.failed);
        }
        let row = row(kernel, outcome.as_ref(), payload);
        if args.command.is_empty() {
            println!("{row}");
        } else if !good {
            eprintln!("{row}  (log: {}/{}.log)", logs.display(), kernel.series);
        }
    }
    for (series, error) in &absent {
        println!("{series:<8} {error:#}");
    }
    if failed > 0 {
        return Err(Failed {
            failed,
            of: kernels.len() + absent.len(),
            exit_code,
        }
        .into());
    }
    Ok(())
}

/// The kernels that are to be had, and why the others are not.
fn kernels_of(args: &Args) -> (Vec<Kernel>, Vec<(String, anyhow::Error)>) {
    let mut kernels = Vec::new();
    let mut absent = Vec::new();
    for series in &args.kernel {
        match kernels::get(series, args.refresh) {
            Ok(kernel) => kernels.push(kernel),
            Err(error) => {
                eprintln!("xtask: {error:#}");
                absent.push((series.clone(), error));
            }
        }
    }
    (kernels, absent)
}

/// A kernel, and what runs on it.
#[derive(Clone, Copy)]
struct Run<'a> {
    kernel: &'a Kernel,
    payload: &'a Payload,
}

/// Runs every kernel, some at a time, and returns the outcomes in the order of the kernels.
fn run_all<'k>(
    args: &Args,
    runs: &[Run<'k>],
    machine: &Machine<'_>,
    logs: &Path,
) -> Vec<(Run<'k>, Result<Outcome>)> {
    let queue = Mutex::new(runs.iter().copied().enumerate());
    let outcomes = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = queue.lock().ok().and_then(|mut queue| queue.next());
            let Some((index, this)) = next else { break };
            let outcome = run(args, this.kernel, this.payload, machine, logs);
            if let Ok(mut outcomes) = outcomes.lock() {
                outcomes.push((index, this, outcome));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..args.jobs.clamp(1, runs.len().max(1)) {
            scope.spawn(work);
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_default();
    outcomes.sort_by_key(|(index, ..)| *index);
    outcomes
        .into_iter()
        .map(|(_, this, outcome)| (this, outcome))
        .collect()
}

fn run(
    args: &Args,
    kernel: &Kernel,
    payload: &Payload,
    machine: &Machine<'_>,
    logs: &Path,
) -> Result<Outcome> {
    let file = |extension| logs.join(format!("{}.{extension}", kernel.series));
    let (archive, log): (PathBuf, PathBuf) = (file("cpio"), file("log"));
    initramfs::write(kernel, payload, args.timeout, &archive)?;
    let outcome = machine.boot(kernel, &archive, &log)?;
    // Some tens of megabytes for each kernel.
    fs::remove_file(&archive)?;
    if !good(&outcome, payload) && !machine.echo {
        let text = fs::read_to_string(&log).context("cannot read the guest's log")?;
        println!("\n== {} ({})\n{text}", kernel.release, log.display());
    }
    Ok(outcome)
}

fn good(outcome: &Outcome, payload: &Payload) -> bool {
    outcome.failed == 0
        && !outcome.timed_out
        && outcome.ended.len() == payload.steps.len()
        && outcome.ended.iter().all(|(_, code)| *code == 0)
}

fn row(kernel: &Kernel, outcome: Result<&Outcome, &anyhow::Error>, payload: &Payload) -> String {
    let name = format!("{:<8} {:<32}", kernel.series, kernel.release);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return format!("{name} {error:#}"),
    };
    let mut row = format!(
        "{name} {:>3} passed {:>3} failed {:>5.1} s",
        outcome.passed,
        outcome.failed,
        outcome.elapsed.as_secs_f64()
    );
    for (step, code) in outcome.ended.iter().filter(|(_, code)| *code != 0) {
        row.push_str(&format!("  {step}: exit {code}"));
    }
    if let Some(step) = payload.steps.get(outcome.ended.len()) {
        let why = if outcome.timed_out {
            "killed, time is over"
        } else {
            "the guest stopped"
        };
        row.push_str(&format!("  {}: {why}", step.name));
    }
    row
}
