//! Processes that start, hold sockets, pass them on to a child and die, by many names, in many
//! control groups, some in a network namespace of their own that dies with them.
//!
//! They are children of one process of the testbed's, which has few descriptors to copy and one thread,
//! and takes them all back.

use std::{
    ffi::CString,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{WaitOptions, set_child_subreaper, wait},
    thread::set_name,
};

use super::Work;
use crate::netns::{self, Cable};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Processes a second
    #[arg(long)]
    rate: u32,
    /// The network namespace to connect from
    #[arg(long)]
    near: PathBuf,
    /// Address to connect to from there
    #[arg(long)]
    server: SocketAddr,
    /// A folder of control groups to live in
    #[arg(long)]
    cgroups: Option<PathBuf>,
}

/// Names of processes: more than have labels of their own.
const NAMES: u64 = 120;
const CGROUPS: u64 = 12;
const PAIRS: usize = 4;
/// Time for which they hold their connections; their children hold them for as long again.
const SHORT: Duration = Duration::from_millis(300);
/// Time to cross the limit of the rule.
const LONG: Duration = Duration::from_secs(4);
/// The kernel ends what has not ended by itself.
const DEADLINE_S: u32 = 30;

/// The process whose children they are.
pub(super) struct Spawner {
    child: Child,
    _cgroups: Option<Cgroups>,
}

impl Spawner {
    pub(super) fn start(rate: u32, cable: &Cable, server: SocketAddr) -> Result<Self> {
        let testbed = std::env::current_exe().context("where is the testbed's own program?")?;
        let cgroups = Cgroups::make();
        let mut command = Command::new(testbed);
        command
            .args(["soak", "processes", "--rate", &rate.to_string()])
            .arg("--near")
            .arg(cable.near.path())
            .args(["--server", &server.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(Cgroups(folder)) = &cgroups {
            command.arg("--cgroups").arg(folder);
        }
        let child = command
            .spawn()
            .context("cannot start the processes' process")?;
        Ok(Self {
            child,
            _cgroups: cgroups,
        })
    }

    /// Counts what it reports, until all is over.
    pub(super) fn run(mut self, work: &Work) -> Result<()> {
        let stdout = self.child.stdout.take().context("no stdout")?;
        for line in BufReader::new(stdout).lines() {
            let more: u64 = line?.trim().parse().context("an unusual report")?;
            work.count(more);
            if work.is_over() {
                break;
            }
        }
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if !work.is_over() || !status.success() {
            bail!("they ended early: {status}");
        }
        Ok(())
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _status = self.child.wait();
    }
}

/// A folder of control groups, where the host lets one be made.
struct Cgroups(PathBuf);

impl Cgroups {
    fn make() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let mut mounts = mounts.lines().map(|line| line.split(' '));
        let root = mounts.find_map(|mut words| {
            let place = words.nth(1)?;
            (words.next()? == "cgroup2").then(|| PathBuf::from(place))
        })?;
        let name = format!("observer-soak-{}.slice", std::process::id());
        let made = Self(root.join(name));
        fs::create_dir(&made.0).ok()?;
        for number in 0..CGROUPS {
            fs::create_dir(made.0.join(format!("work-{number}.service"))).ok()?;
        }
        Some(made)
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for folder in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let _file = fs::remove_dir(folder.path());
        }
        let _gone = fs::remove_dir(&self.0);
    }
}

/// The work of that process: until its stdin closes.
pub(super) fn run(args: &Args) -> Result<()> {
    set_child_subreaper(Some(rustix::process::getpid()))?;
    let every = Duration::from_secs(1) / args.rate.max(1);
    let (mut number, mut reported) = (0_u64, Instant::now());
    let mut unreported = 0_u64;
    while !stdin_closes_within(every)? {
        number += 1;
        fork(|| one(number, args))?;
        while wait(WaitOptions::NOHANG).is_ok_and(|ended| ended.is_some()) {}
        unreported += 1;
        if reported.elapsed() > Duration::from_millis(500) {
            println!("{unreported}");
            (unreported, reported) = (0, Instant::now());
        }
    }
    // The last ones end by themselves, soon.
    while wait(WaitOptions::empty()).is_ok_and(|ended| ended.is_some()) {}
    Ok(())
}

fn stdin_closes_within(time: Duration) -> Result<bool> {
    let stdin = std::io::stdin();
    let left = Timespec::try_from(time)?;
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    Ok(poll(&mut fds, Some(&left))? > 0 && stdin.lock().read(&mut [0; 64])? == 0)
}

/// Does something in a child, which ends with it.
fn fork(work: impl FnOnce() -> Result<()>) -> Result<()> {
    // SAFETY: this process has one thread, so that its child may do whatever it could.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error()).context("cannot fork"),
        0 => {
            // SAFETY: takes nothing but a number.
            unsafe { libc::alarm(DEADLINE_S) };
            let outcome = work();
            if let Err(error) = &outcome {
                eprintln!("testbed: a process of the load: {error:#}");
            }
            // Nothing that was begun before the fork is ended twice.
            // SAFETY: ends the process and returns nothing.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        _ => Ok(()),
    }
}

/// Work of one process.
fn one(number: u64, args: &Args) -> Result<()> {
    set_name(&CString::new(format!("soak-{}", number % NAMES))?)?;
    if let Some(folder) = &args.cgroups {
        join(&folder.join(format!("work-{}.service", number % CGROUPS)))?;
    }
    let (held, time) = match number % 4 {
        0 => (over_the_cable(args)?, LONG),
        1 => {
            netns::unshare()?;
            (pairs()?, SHORT)
        }
        _ => (pairs()?, SHORT),
    };
    sleep(time);
    // The sockets go on in a child, and this process is gone.
    fork(|| {
        set_name(&CString::new(format!("soak-heir-{}", number % 10))?)?;
        sleep(time);
        drop(held);
        Ok(())
    })
}

fn join(cgroup: &Path) -> Result<()> {
    fs::write(cgroup.join("cgroup.procs"), "0").context("cannot enter a control group")
}

fn over_the_cable(args: &Args) -> Result<Vec<TcpStream>> {
    netns::enter(&args.near)?;
    let connect = || TcpStream::connect(args.server).context("cannot connect over the cable");
    (0..2).map(|_| connect()).collect()
}

fn pairs() -> Result<Vec<TcpStream>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut held = Vec::new();
    for _ in 0..PAIRS {
        held.push(TcpStream::connect(listener.local_addr()?)?);
        held.push(listener.accept()?.0);
    }
    Ok(held)
}
