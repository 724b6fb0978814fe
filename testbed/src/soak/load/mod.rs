//! Load on the agent, all at once: each file is one kind, at a pace of its own.

mod clients;
mod connections;
mod idle;
mod processes;
mod reloads;
mod rude;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::{bench::agent::running::Agent, netns::Cable};

pub(super) use idle::{Idle, LAST_PORT, STALE_AFTER};
pub(super) use reloads::{Common, PROVOKED, Reloads, variant};

/// Work of a process that the testbed starts.
#[derive(clap::Subcommand)]
pub(super) enum Role {
    /// Have processes come and go until stdin closes
    #[command(hide = true)]
    Processes(processes::Args),
}

impl Role {
    pub(super) fn run(&self) -> Result<()> {
        match self {
            Self::Processes(args) => processes::run(args),
        }
    }
}

/// Amount of each kind of load.
pub(super) struct Sizes {
    /// Connections that stay.
    pub(super) idle: usize,
    connections_a_second: u32,
    processes_a_second: u32,
    /// Clients wait so many times as long from one request to the next.
    slower: u32,
}

/// An emulated machine is some ten times slower.
pub(super) const SIZES: Sizes = Sizes {
    idle: 2_000,
    connections_a_second: 400,
    processes_a_second: 20,
    slower: 1,
};
pub(super) const SIZES_IN_GUEST: Sizes = Sizes {
    idle: 500,
    connections_a_second: 40,
    processes_a_second: 3,
    slower: 5,
};

/// A client, the agent's address, and how much slower than usual.
type Client = fn(&Work, SocketAddr, u32) -> Result<()>;

/// Progress of one kind of load, and the sign to end it.
#[derive(Clone, Default)]
struct Work {
    is_over: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

impl Work {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn count(&self, done: u64) {
        self.done.fetch_add(done, Ordering::Relaxed);
    }
}

/// Lets pass so much time between two turns.
struct Pace {
    every: Duration,
    next: Instant,
}

impl Pace {
    fn new(every: Duration) -> Self {
        Self {
            every,
            next: Instant::now(),
        }
    }

    /// Waits for the next turn; false when all is over. Turns that were missed are not made up for.
    fn wait(&mut self, work: &Work) -> bool {
        const NAP: Duration = Duration::from_millis(100);
        loop {
            if work.is_over() {
                return false;
            }
            let left = self.next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.next = (self.next + self.every).max(Instant::now());
                return true;
            }
            thread::sleep(left.min(NAP));
        }
    }
}

/// A kind of load under way.
struct Worker {
    name: &'static str,
    done: Arc<AtomicU64>,
    thread: JoinHandle<Result<()>>,
}

/// All of the load. Ends when it is told to, or dropped.
pub(super) struct Load {
    is_over: Arc<AtomicBool>,
    workers: Vec<Worker>,
}

impl Load {
    pub(super) fn start(sizes: &Sizes, agent: &Agent, cable: &Cable, idle: &Idle) -> Result<Self> {
        let mut load = Self {
            is_over: Arc::default(),
            workers: Vec::new(),
        };
        let address = agent.address;
        let rate = sizes.connections_a_second;
        load.add("connections", move |work| connections::run(&work, rate))?;
        let spawner = processes::Spawner::start(sizes.processes_a_second, cable, idle.short_limit)?;
        load.add("processes", move |work| spawner.run(&work))?;
        let slower = sizes.slower;
        for number in 0..clients::SCRAPERS {
            load.add("scrapes", move |work| {
                clients::scrape(&work, number, address, slower)
            })?;
        }
        let clients: [(&'static str, Client); 5] = [
            ("pages", clients::pages),
            ("questions for sockets", clients::questions),
            ("wrong requests", clients::wrong),
            ("hang-ups", rude::hang_ups),
            ("rounds of bad clients", rude::rounds),
        ];
        for (name, client) in clients {
            load.add(name, move |work| client(&work, address, slower))?;
        }
        Ok(load)
    }

    fn add(
        &mut self,
        name: &'static str,
        run: impl FnOnce(Work) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let work = Work {
            is_over: Arc::clone(&self.is_over),
            done: Arc::default(),
        };
        let done = Arc::clone(&work.done);
        let thread = thread::Builder::new().spawn(move || run(work));
        let thread = thread.context("cannot start a thread of the load")?;
        self.workers.push(Worker { name, done, thread });
        Ok(())
    }

    /// Amount of each kind that was done, those of one kind added up.
    pub(super) fn done(&self) -> Vec<(&'static str, u64)> {
        let mut all: Vec<(&'static str, u64)> = Vec::new();
        for worker in &self.workers {
            let done = worker.done.load(Ordering::Relaxed);
            match all.iter_mut().find(|(name, _)| *name == worker.name) {
                Some((_, sum)) => *sum += done,
                None => all.push((worker.name, done)),
            }
        }
        all
    }

    /// Fails where a kind of it has ended: nothing is gained by going on without.
    pub(super) fn check(&self) -> Result<()> {
        match self
            .workers
            .iter()
            .find(|worker| worker.thread.is_finished())
        {
            Some(worker) => bail!("the load of {} has ended early", worker.name),
            None => Ok(()),
        }
    }

    /// Ends it; what went wrong with which kind.
    pub(super) fn end(mut self) -> Vec<String> {
        self.is_over.store(true, Ordering::Relaxed);
        let workers = std::mem::take(&mut self.workers);
        let ended = workers.into_iter().filter_map(|worker| {
            let outcome = worker.thread.join();
            let error = outcome.unwrap_or_else(|_| Err(anyhow!("panicked"))).err()?;
            Some(format!("{}: {error:#}", worker.name))
        });
        ended.collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            drop(worker.thread.join());
        }
    }
}
