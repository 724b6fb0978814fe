//! The agent under test.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::{exposition::Metrics, http::Client, usage::Usage};
use crate::bench::run::Scratch;

/// An agent that has looked once; ended when dropped.
pub(super) struct Agent {
    child: Child,
    pub(super) address: SocketAddr,
    /// What each request says of who asks.
    pub(super) authorization: Option<&'static str>,
    warnings: Arc<Mutex<Vec<String>>>,
}

/// What it is started with.
pub(super) struct Setup<'a> {
    pub(super) observer: &'a Path,
    pub(super) scratch: &'a Scratch,
    pub(super) interval: Duration,
    /// More of the configuration's section `[agent]`.
    pub(super) agent: String,
    pub(super) flags: &'a [&'a str],
    pub(super) authorization: Option<&'static str>,
}

/// The first look is a scan of every socket.
const FIRST_LOOK: Duration = Duration::from_secs(60);

/// Half of the limit that danger is judged by, and an interval.
const DANGER_COMES: Duration = Duration::from_secs(60);

impl Agent {
    pub(super) fn start(setup: &Setup<'_>) -> Result<Self> {
        let config = format!(
            "[scan]\ninterval = \"{}ms\"\n[agent]\nlisten = \"127.0.0.1:0\"\n{}\n",
            setup.interval.as_millis(),
            setup.agent
        );
        let config = setup.scratch.write("agent.toml", &config)?;
        let mut child = Command::new(setup.observer)
            .args(["agent", "--log", "text", "--config"])
            .arg(config)
            .args(setup.flags)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the agent")?;
        let stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let warnings = Arc::default();
        let (ready, is_ready) = mpsc::channel();
        let told = Arc::clone(&warnings);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                hear(line, &told, &ready);
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

    pub(super) fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }

    /// As [`Self::usage`], with the descriptors that it keeps: looks and answers hold more for a
    /// moment.
    pub(super) fn settled_usage(&self) -> Result<Usage> {
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

    /// What it warned of.
    pub(super) fn warnings(&self) -> Vec<String> {
        let warnings = self.warnings.lock();
        warnings.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Headers of every request.
    pub(super) fn headers(&self) -> Vec<(&'static str, &'static str)> {
        let authorization = self.authorization.iter();
        authorization
            .map(|value| ("Authorization", *value))
            .collect()
    }

    /// A scrape by a connection of its own.
    pub(super) fn metrics(&self) -> Result<Metrics> {
        let mut headers = self.headers();
        headers.push(("Connection", "close"));
        let response = Client::connect(self.address)?.get("/metrics", &headers)?;
        if response.status != 200 {
            bail!("a scrape was answered by {}", response.status);
        }
        Ok(Metrics(String::from_utf8(response.body)?))
    }

    /// Waits until a socket is in danger, from when on no look is spared.
    pub(super) fn wait_for_danger(&self) -> Result<()> {
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
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _gone = kill_process(pid, Signal::TERM);
        }
        let _gone = self.child.wait();
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
