//! The task of one sink: takes alerts from its queue, sends them, tries again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::SinkTiming;
use super::client::Client;
use super::log::DeliveryLog;
use super::queue::Queue;
use crate::alert::{Alert, json};
use crate::model::SinkTally;

/// Number of alerts that are sent at once, at most.
const BATCH: usize = 64;

/// State that the task and those that feed it share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    name: Mutex<String>,
    queue: Mutex<Queue>,
    /// Something was queued, or the end was asked for.
    news: Notify,
    finishing: AtomicBool,
    /// The end was asked for; unlike `news`, nothing else ends a wait for it.
    end: Notify,
    ok: AtomicU64,
    error: AtomicU64,
    dropped: AtomicU64,
}

impl Shared {
    pub(super) fn push(&self, alerts: impl IntoIterator<Item = Arc<Alert>>) {
        let dropped = lock(&self.queue).push(alerts);
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
        self.news.notify_one();
    }

    pub(super) fn rename(&self, name: String) {
        *lock(&self.name) = name;
    }

    /// Ends the task, once it has tried to send what waits.
    pub(super) fn finish(&self) {
        self.finishing.store(true, Ordering::Release);
        // Both keep a permit for a task that is not waiting yet.
        self.news.notify_one();
        self.end.notify_one();
    }

    pub(super) fn tally(&self) -> SinkTally {
        SinkTally {
            name: lock(&self.name).clone(),
            ok: self.ok.load(Ordering::Relaxed),
            error: self.error.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    fn is_finishing(&self) -> bool {
        self.finishing.load(Ordering::Acquire)
    }
}

/// No code panics while it holds one of these locks, and what they hold is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs until the end is asked for.
pub(super) async fn run(shared: Arc<Shared>, client: Client, timing: SinkTiming) {
    let mut log = DeliveryLog::default();
    let mut failures: u32 = 0;
    loop {
        let batch = lock(&shared.queue).take(BATCH);
        if batch.is_empty() {
            if shared.is_finishing() {
                return;
            }
            shared.news.notified().await;
            continue;
        }
        let count = batch.len() as u64;
        let body = json::body(&batch);
        let name = || lock(&shared.name).clone();
        let Err(error) = client.post(body).await else {
            shared.ok.fetch_add(count, Ordering::Relaxed);
            failures = 0;
            log.delivered(&name());
            continue;
        };
        shared.error.fetch_add(count, Ordering::Relaxed);
        if error.is_final() {
            shared.dropped.fetch_add(count, Ordering::Relaxed);
            failures = 0;
            log.given_up(&name(), count, &error);
            continue;
        }
        let dropped = lock(&shared.queue).push_back(batch);
        shared.dropped.fetch_add(dropped, Ordering::Relaxed);
        log.failed(&name(), &error);
        if shared.is_finishing() {
            return;
        }
        let wait = backoff(timing, failures);
        failures = failures.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.end.notified() => {}
        }
    }
}

/// Anything from nothing to twice what the last failure allowed.
fn backoff(timing: SinkTiming, failures: u32) -> Duration {
    let factor = 1u32.checked_shl(failures).unwrap_or(u32::MAX);
    let most = timing
        .first_backoff
        .saturating_mul(factor)
        .min(timing.longest_backoff);
    most.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_at_a_minute() {
        let timing = SinkTiming::default();
        for (failures, most_s) in [(0, 1), (1, 2), (5, 32), (6, 60), (31, 60), (u32::MAX, 60)] {
            let waits: Vec<Duration> = (0..200).map(|_| backoff(timing, failures)).collect();
            let most = Duration::from_secs(most_s);
            assert!(waits.iter().all(|wait| *wait <= most), "{failures}");
            assert!(waits.iter().any(|wait| *wait > most / 2), "{failures}");
            assert!(waits.iter().any(|wait| *wait < most / 2), "{failures}");
        }
    }
}
