//! Request and result of one scan, whatever its method.

use std::time::{Duration, Instant};

use super::Socket;
use super::StateSet;

/// Request for a scan.
#[derive(Debug, Clone, Copy)]
pub struct ScanRequest {
    /// Sockets in other states are left out, and do not count as seen.
    pub states: StateSet,
}

/// Result of a scan.
#[derive(Debug, Default)]
pub struct Scan {
    /// Every socket once, in no order.
    pub sockets: Vec<Socket>,
    /// Fields that this scan could not give, for all or some of the sockets.
    pub unknown: Vec<UnknownField>,
    /// Notices that the user should get once: reduced permissions, namespaces that cannot be entered.
    pub notices: Vec<String>,
    /// Where the time went, in order.
    pub phases: Vec<Phase>,
}

/// A field that cannot be had here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// The field's JSON path within a socket, such as `keepalive.idle_from`.
    pub field: &'static str,
    /// Why, for the user.
    pub why: String,
}

/// Adds what only hooks could have seen, where there are none: `hooks` is `none`.
#[must_use]
pub fn with_lost_to_hooks(mut unknown: Vec<UnknownField>, hooks: &str) -> Vec<UnknownField> {
    if hooks == "none" {
        unknown.extend(
            ["last_set", "age_ms", "keepalive.sent"].map(|field| UnknownField {
                field,
                why: "no hooks ran before this scan that would have seen it".to_owned(),
            }),
        );
    }
    unknown
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_hooks_would_give_are_named() {
        let fields = |hooks| -> Vec<_> {
            let unknown = with_lost_to_hooks(Vec::new(), hooks);
            unknown.iter().map(|unknown| unknown.field).collect()
        };
        assert_eq!(fields("none"), ["last_set", "age_ms", "keepalive.sent"]);
        assert_eq!(fields("trampoline"), [] as [&str; 0]);
    }
}
