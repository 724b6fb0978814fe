//! Sends alerts to sinks. Each has a queue and a task of its own: one that is down holds up no
//! other, and never the agent.

mod client;
mod log;
pub mod queue;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use client::Client;
pub use client::SinkError;
use worker::Shared;

use super::Alert;
use crate::config::alert::SinkEntry;
use crate::model::SinkTally;

/// Timeouts of requests to sinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkTiming {
    /// For a connection.
    pub connect: Duration,
    /// For a whole request, from the look-up of the name to the status of the answer.
    pub total: Duration,
    /// Before the first repetition, at most. The time is drawn by lot, so that a fleet does not
    /// come all at once; each further failure doubles it.
    pub first_backoff: Duration,
    /// Before any repetition, at most.
    pub longest_backoff: Duration,
}

impl Default for SinkTiming {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(10),
            first_backoff: Duration::from_secs(1),
            longest_backoff: Duration::from_secs(60),
        }
    }
}

/// Every sink of the configuration.
#[derive(Debug)]
pub struct Sinks {
    timing: SinkTiming,
    runtime: Handle,
    running: Vec<Running>,
}

/// A sink and its task.
#[derive(Debug)]
struct Running {
    entry: SinkEntry,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Sinks {
    /// Reads certificates and starts a task for each sink. Nothing is sent yet.
    pub fn start(
        entries: &[SinkEntry],
        timing: SinkTiming,
        runtime: &Handle,
    ) -> Result<Self, SinkError> {
        let mut sinks = Self {
            timing,
            runtime: runtime.clone(),
            running: Vec::new(),
        };
        sinks.replace(entries)?;
        Ok(sinks)
    }

    /// Goes by another configuration. A sink that is in both keeps its queue, its counts and the
    /// certificates that it read; one that is gone sends what it can with one more attempt. On an
    /// error everything stays as it was.
    pub fn replace(&mut self, entries: &[SinkEntry]) -> Result<(), SinkError> {
        let names = names(entries);
        let mut taken = vec![false; self.running.len()];
        let mut plan = Vec::with_capacity(entries.len());
        for entry in entries {
            let same = self
                .running
                .iter()
                .zip(&mut taken)
                .position(|(running, taken)| {
                    let is_free = !*taken && running.entry == *entry;
                    *taken |= is_free;
                    is_free
                });
            plan.push(match same {
                Some(index) => Ok(index),
                None => Err(Client::new(entry, self.timing)?),
            });
        }
        let mut old: Vec<Option<Running>> = self.running.drain(..).map(Some).collect();
        for ((entry, name), planned) in entries.iter().zip(names).zip(plan) {
            let kept = match planned {
                Ok(index) => old.get_mut(index).and_then(Option::take),
                Err(client) => Some(self.spawn(entry, client)),
            };
            if let Some(running) = kept {
                running.shared.rename(name);
                self.running.push(running);
            }
        }
        for gone in old.into_iter().flatten() {
            gone.shared.finish();
        }
        Ok(())
    }

    fn spawn(&self, entry: &SinkEntry, client: Client) -> Running {
        let shared = Arc::new(Shared::default());
        let task = worker::run(Arc::clone(&shared), client, self.timing);
        Running {
            entry: entry.clone(),
            shared,
            task: self.runtime.spawn(task),
        }
    }

    /// Hands alerts to every sink. Never waits.
    pub fn send(&self, alerts: Vec<Alert>) {
        let alerts: Vec<Arc<Alert>> = alerts.into_iter().map(Arc::new).collect();
        if alerts.is_empty() {
            return;
        }
        for running in &self.running {
            running.shared.push(alerts.iter().cloned());
        }
    }

    /// Counts, in the order of the configuration.
    #[must_use]
    pub fn tallies(&self) -> Vec<SinkTally> {
        let running = self.running.iter();
        running.map(|running| running.shared.tally()).collect()
    }

    /// Sends what waits, with one attempt each, for so long at most. What then still waits is
    /// found again by the next agent.
    pub async fn stop(self, deadline: Duration) {
        let mut tasks = JoinSet::new();
        for Running { shared, task, .. } in self.running {
            shared.finish();
            // Aborting the set drops its tasks, not theirs.
            let abort = AbortOnDrop(task.abort_handle());
            tasks.spawn(async move {
                let _abort = abort;
                drop(task.await);
            });
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        drop(tokio::time::timeout(deadline, all).await);
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The kind, with a number from the second of a kind on: a URL may hold a secret, and labels show
/// the name.
fn names(entries: &[SinkEntry]) -> Vec<String> {
    let name = |(index, entry): (usize, &SinkEntry)| {
        let before = entries.iter().take(index);
        let same = before.filter(|other| other.kind == entry.kind).count();
        match same {
            0 => entry.kind.name().to_owned(),
            _ => format!("{}-{}", entry.kind.name(), same + 1),
        }
    };
    entries.iter().enumerate().map(name).collect()
}
