//! What one scan is asked for and what it gives, whichever way it goes.

use std::time::{Duration, Instant};

use crate::model::Socket;
use crate::model::socket::StateSet;

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// Sockets in other states are left out, and do not count as seen.
    pub states: StateSet,
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Every socket once, in no order.
    pub sockets: Vec<Socket>,
    /// Fields that this scan could not give, for all or some of the sockets.
    pub unknown: Vec<Unknown>,
    /// What the user should hear once: reduced permissions, namespaces that cannot be entered.
    pub notices: Vec<String>,
    /// Where the time went, in order.
    pub phases: Vec<Phase>,
}

/// A field that cannot be had here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The field's JSON path within a socket, such as `keepalive.idle_from`.
    pub field: &'static str,
    /// Why, for the user.
    pub why: String,
}

/// A part of the work and the time it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// One of `btf`, `load`, `namespaces`, `scan`, `owners`, `options`, `decode`, `judge`, `print`.
    pub name: &'static str,
    /// Wall-clock time.
    pub took: Duration,
}

impl Scan {
    /// Runs `work` and adds its time to the phase `name`.
    pub fn timed<T>(&mut self, name: &'static str, work: impl FnOnce(&mut Self) -> T) -> T {
        let start = Instant::now();
        let result = work(self);
        self.add_phase(name, start.elapsed());
        result
    }

    /// Adds to the time of a phase.
    pub fn add_phase(&mut self, name: &'static str, took: Duration) {
        match self.phases.iter_mut().find(|phase| phase.name == name) {
            Some(phase) => phase.took += took,
            None => self.phases.push(Phase { name, took }),
        }
    }
}
