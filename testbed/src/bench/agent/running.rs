//! The agent under test.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

use super::{exposition::Metrics, http::Client, usage::Usage};
use crate::bench::run::Scratch;

/// An agent that has looked once; ended when dropped.
pub(crate) struct Agent {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Authorization header of each request.
    pub(crate) authorization: Option<&'static str>,
    warnings: Arc<Mutex<Vec<String>>>,
}

/// Configuration and flags that it is started with.
pub(crate) struct Setup<'a> {
    pub(crate) observer: &'a Path,
    pub(crate) scratch: &'a Scratch,
    pub(crate) interval: Duration,
    /// More of the configuration's section `[agent]`.
    pub(crate) agent: String,
    pub(crate) flags: &'a [&'a str],
    pub(crate) authorization: Option<&'static str>,
}

/// The first sweep is a scan of every socket.
const FIRST_LOOK: Duration = Duration::from_secs(60);

/// Half of the limit that danger is judged by, and an interval.
const DANGER_COMES: Duration = Duration::from_secs(60);

/// It ends within a second; longer than that is for whoever asks how long it took.
const END_COMES: Duration = Duration::from_secs(30);

impl Setup<'_> {
    /// Writes the configuration, and returns its path.
    fn write_config(&self) -> Result<PathBuf> {
        let config = format!(
            "[scan]\ninterval = \"{}ms\"\n[agent]\nlisten = \"127.0.0.1:0\"\n{}\n",
            self.interval.as_millis(),
            self.agent
        );
        self.scratch.write("agent.toml", &config)
    }

    fn command(&self, config: &Path) -> Command {
        let mut command = Command::new(self.observer);
        command
            .args(["agent", "--log", "text", "--config"])
            .arg(config)
            .args(self.flags)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        // SAFETY: prctl(2) is a system call and nothing else.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::TERM))?));
        }
        command
    }
}

impl Agent {
    pub(crate) fn start(setup: &Setup<'_>) -> Result<Self> {
        let mut child = setup
            .command(&setup.write_config()?)
            .spawn()
            .context("cannot start the agent")?;
        let stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let warnings = Arc::default();
        let (ready, is_ready) = mpsc::channel();
        let warned = Arc::clone(&warnings);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                hear(line, &warned, &ready);
            }
        });
        // From here on it is ended whatever happens.
        let mut agent = Self {
            child,
            address: ([127, 0, 0, 1], 0).into(),
            authorization: setup.authorization,
            warnings,
        };
        agent.address = is_ready
            .recv_timeout(FIRST_LOOK)
            .with_context(|| format!("the agent does not get ready: {:?}", agent.warnings()))?;
        Ok(agent)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has it read the configuration of `setup`.
    pub(crate) fn reload(&self, setup: &Setup<'_>) -> Result<()> {
        setup.write_config()?;
        self.signal(Signal::HUP)
    }

    /// Ends it; its exit status, and the time until then.
    pub(crate) fn stop(&mut self) -> Result<(ExitStatus, Duration)> {
        let began = Instant::now();
        self.signal(Signal::TERM)?;
        while began.elapsed() < END_COMES {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status, began.elapsed()));
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("the agent does not end within {} s", END_COMES.as_secs())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("an unusual process id")?, signal).context("the agent is gone")
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }

    /// As [`Self::usage`], with the descriptors that it keeps: sweeps and answers hold more for a
    /// moment.
    pub(crate) fn settled_usage(&self) -> Result<Usage> {
        let mut usage = self.usage()?;
        for _ in 0..30 {
            thread::sleep(Duration::from_millis(100));
            let now = self.usage()?;
            usage = Usage {
                fds: now.fds.min(usage.fds),
                ..now
            };
        }
        Ok(usage)
    }

    /// Warnings that it logged.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let warnings = self.warnings.lock();
        warnings.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Headers of every request.
    pub(crate) fn headers(&self) -> Vec<(&'static str, &'static str)> {
        let authorization = self.authorization.iter();
        authorization
            .map(|value| ("Authorization", *value))
            .collect()
    }

    /// A scrape by a connection of its own.
    pub(crate) fn metrics(&self) -> Result<Metrics> {
        let mut headers = self.headers();
        headers.push(("Connection", "close"));
        let response = Client::connect(self.address)?.get("/metrics", &headers)?;
        if response.status != 200 {
            bail!("a scrape was answered by {}", response.status);
        }
        Ok(Metrics(String::from_utf8(response.body)?))
    }

    /// Waits until a socket is in danger, from when on no sweep may be left out.
    pub(crate) fn wait_for_danger(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let metrics = self.metrics()?;
            let in_danger = |health| metrics.sum("observer_sockets", health) > 0.0;
            if in_danger("health=\"at-risk\"") || in_danger("health=\"stale\"") {
                return Ok(());
            }
            if began.elapsed() > DANGER_COMES {
                bail!("no socket comes into danger:\n{}", metrics.0);
            }
            thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let has_ended = matches!(self.child.try_wait(), Ok(Some(_)));
        if !has_ended && self.stop().is_err() {
            let _gone = self.child.kill();
            let _gone = self.child.wait();
        }
    }
}

/// Takes a line of the log.
fn hear(line: String, warnings: &Mutex<Vec<String>>, ready: &Sender<SocketAddr>) {
    if line.contains("ready: ")
        && let Some((_, address)) = line.rsplit_once(" serves ")
        && let Ok(address) = address.trim().parse()
    {
        // Nobody waits any more where that took too long.
        let _waited_for = ready.send(address);
    } else if !line.contains(" INFO ") {
        let warnings = warnings.lock();
        warnings.unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
