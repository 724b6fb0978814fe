//! Thread that scans.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::input::{Input, Slot};
use super::snapshot::Snapshot;
use crate::host::clock;
use crate::model::StateSet;
use crate::policy::{Policy, Segments};
use crate::source::Source;

/// Command to the thread that scans.
#[derive(Debug)]
pub(super) enum ScanCommand {
    /// ScreenStyle at sockets in other states.
    States(StateSet),
    /// Scan now.
    Now,
}

/// Scans take at most this part of a CPU: on a host with very many sockets they are further apart
/// than asked for.
const REST_FOR_WORK: u32 = 32;

/// Scans until nobody listens any more.
pub(super) struct Scans {
    pub(super) source: Source,
    pub(super) policy: &'static Policy,
    pub(super) states: StateSet,
    pub(super) interval: Duration,
    pub(super) paused: Arc<AtomicBool>,
    pub(super) hooks: &'static str,
}

impl Scans {
    pub(super) fn run(mut self, commands: &Receiver<ScanCommand>, to: &Slot<Arc<Snapshot>>) {
        let mut segments = Segments::default();
        let mut next = Instant::now();
        loop {
            let began_cpu = clock::process_cpu();
            if !self.paused.load(Ordering::Relaxed) {
                let (source, states) = (&mut self.source, self.states);
                match Snapshot::take(source, states, &mut segments, self.policy, self.hooks) {
                    Ok((snapshot, _notices)) => {
                        if !to.put(Arc::new(snapshot), |_, new| new) {
                            return;
                        }
                    }
                    Err(error) => {
                        drop(to.to.send(Input::Failed(error.into())));
                        return;
                    }
                }
            }
            let spent = clock::process_cpu().saturating_sub(began_cpu);
            next = (next + self.interval).max(Instant::now() + spent * REST_FOR_WORK);
            let left = next.saturating_duration_since(Instant::now());
            match commands.recv_timeout(left) {
                Ok(ScanCommand::States(states)) => self.states = states,
                Ok(ScanCommand::Now) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}
