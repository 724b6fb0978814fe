//! Plan of the measurements, with all numbers.

use super::section::Section;

/// Every number of a run.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) sections: Vec<Section>,
    /// Small numbers: no goal is judged by them.
    pub(super) quick: bool,
    /// TCP sockets on loopback, both ends counted, in ascending order.
    pub(super) sockets: Vec<usize>,
    /// Processes that hold them.
    pub(super) processes: usize,
    /// Number of times that each command is timed, in turn with the others.
    pub(super) rounds: usize,
    pub(super) floor_rounds: usize,
    pub(super) hooks: HookWork,
    pub(super) churn_seconds: u64,
    pub(super) agent: Agent,
    pub(super) scrape: Scrape,
    pub(super) watch: Watch,
}

/// Plan of the measurement of the agent at rest.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub(super) sockets: usize,
    /// Connections in danger, so that no sweep may be left out; 0 leaves that part out.
    pub(super) danger: usize,
    pub(super) seconds: u64,
    pub(super) interval_s: u64,
}

/// Amount of work for one measurement of the hooks.
#[derive(Debug, Clone)]
pub(super) struct HookWork {
    /// Connections made and closed.
    pub(super) connections: u32,
    /// System calls.
    pub(super) calls: u32,
    /// Number of times that each tool is measured, in turn with the others.
    pub(super) rounds: usize,
}

impl HookWork {
    /// Less in a guest, which is some ten times slower.
    pub(super) fn full(is_guest: bool) -> Self {
        let (connections, calls) = if is_guest {
            (4_000, 1_000_000)
        } else {
            (20_000, 3_000_000)
        };
        Self {
            connections,
            calls,
            rounds: 5,
        }
    }
}

/// Plan of the scrapes.
#[derive(Debug, Clone)]
pub(super) struct Scrape {
    pub(super) sockets: usize,
    /// At once, in the second part; the first has one.
    pub(super) scrapers: usize,
    pub(super) seconds: u64,
}

/// Plan of the measurement of `observer watch`.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub(super) sockets: usize,
    pub(super) seconds: u64,
}

/// With more than this, `ss -tnop` takes a minute or more: commands run once, netstat and floors not
/// at all.
const MANY: usize = 100_000;

impl Plan {
    /// As a whole: ten minutes here, or in a guest, which runs some ten times slower.
    pub(super) fn full(is_guest: bool) -> Self {
        let sockets = if is_guest {
            vec![1_000, 10_000, 100_000, 300_000]
        } else {
            vec![1_000, 10_000, 100_000]
        };
        Self {
            sections: Section::all(is_guest),
            quick: false,
            sockets,
            processes: 6,
            rounds: if is_guest { 3 } else { 5 },
            floor_rounds: if is_guest { 20 } else { 60 },
            hooks: HookWork::full(is_guest),
            churn_seconds: 5,
            agent: Agent {
                sockets: 90_000,
                danger: 300,
                seconds: 60,
                interval_s: 10,
            },
            scrape: Scrape {
                sockets: 30_000,
                scrapers: 200,
                seconds: 20,
            },
            watch: Watch {
                sockets: 50_000,
                seconds: 20,
            },
        }
    }

    /// In a minute, to try the bench.
    pub(super) fn quick(is_guest: bool) -> Self {
        Self {
            quick: true,
            sockets: vec![200, 400, 800],
            processes: 2,
            rounds: 1,
            floor_rounds: 3,
            hooks: HookWork {
                connections: 300,
                calls: 20_000,
                rounds: 1,
            },
            churn_seconds: 1,
            agent: Agent {
                sockets: 800,
                danger: 0,
                seconds: 3,
                interval_s: 1,
            },
            scrape: Scrape {
                sockets: 400,
                scrapers: 5,
                seconds: 1,
            },
            watch: Watch {
                sockets: 400,
                seconds: 2,
            },
            ..Self::full(is_guest)
        }
    }

    pub(super) fn rounds_at(&self, sockets: usize) -> usize {
        if is_very_many(sockets) {
            1
        } else {
            self.rounds
        }
    }
}

/// `true` where only what matters is measured with so many.
pub(super) fn is_very_many(sockets: usize) -> bool {
    sockets > MANY
}
