//! The parts of the benchmark, each measured and stored by itself.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use xtask::apt;

use super::{
    agent::{cost, latency},
    attached, churn, floors, hooks,
    host::{self, Host},
    list,
    plan::Plan,
    results::{Place, Taken},
    watch,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Section {
    /// `observer list` beside ss and netstat: time, phases, memory, growth
    List,
    /// Walks that do next to nothing, beside the agent's survey and a full scan
    Floors,
    /// CPU time and memory of an agent that nobody asks much
    Agent,
    /// How long a scrape takes
    Scrape,
    /// A connection and a system call with observer's hooks, and with other tools'
    Hooks,
    /// Connections a second with observer's hooks, and with other tools'
    Churn,
    /// `observer watch` beside `watch -n1 ss -tnop`
    Watch,
}

impl Section {
    /// Those that can be measured there: guests lack tmux, and are too slow for long waits.
    pub(super) fn all(is_guest: bool) -> Vec<Self> {
        let in_guest = [Self::List, Self::Floors, Self::Hooks, Self::Churn];
        let all = Self::value_variants().iter().copied();
        all.filter(|section| !is_guest || in_guest.contains(section))
            .collect()
    }

    /// As on the command line.
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The Debian packages that it needs here.
    pub(super) fn packages(self) -> &'static [&'static str] {
        match self {
            Self::List => &["iproute2", "net-tools"],
            Self::Agent => &["iproute2"],
            Self::Hooks | Self::Churn => {
                &["bpftool", attached::PACKAGE, attached::COMPILED_PACKAGE]
            }
            Self::Watch => &watch::PACKAGES,
            Self::Floors | Self::Scrape => &[],
        }
    }

    /// Measures it, and puts the result into its place.
    pub(super) fn measure(self, plan: &Plan, observer: &Path, place: &mut Place) -> Result<()> {
        if !host::is_guest() {
            apt::install(self.packages())?;
        }
        let taking = Taking {
            host: Host::read(observer)?,
            load_before: load()?,
            quick: plan.quick,
        };
        match self {
            Self::List => place.list = Some(taking.of(list::measure(plan, observer)?)),
            Self::Floors => {
                place.floors = Some(taking.of(floors::measure(plan, &floors::program()?)?));
            }
            Self::Agent => place.agent = Some(taking.of(cost::steady(&plan.agent, observer)?)),
            Self::Scrape => {
                place.scrape = Some(taking.of(latency::measure(&plan.scrape, observer)?));
            }
            Self::Hooks => place.hooks = Some(taking.of(hooks::measure(&plan.hooks, observer)?)),
            Self::Churn => place.churn = Some(taking.of(churn::measure(plan, observer)?)),
            Self::Watch => {
                place.watch =
                    Some(taking.of(watch::measure(&plan.watch, plan.processes, observer)?))
            }
        }
        Ok(())
    }
}

/// What is known of a section before it is measured.
struct Taking {
    host: Host,
    load_before: f64,
    quick: bool,
}

impl Taking {
    fn of<T>(self, result: T) -> Taken<T> {
        Taken {
            host: self.host,
            load_before: self.load_before,
            quick: self.quick,
            result,
        }
    }
}

/// The load average of the last minute.
fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let first = text.split(' ').next().and_then(|load| load.parse().ok());
    first.context("/proc/loadavg begins otherwise than expected")
}
