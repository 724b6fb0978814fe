//! Measures one section after the other, each with the state of the host before it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use xtask::apt;

use super::{
    agent::{cost, latency},
    attached, churn, floors, hooks,
    host::{self, Host},
    list,
    plan::Plan,
    results::{Place, Taken},
    section::Section,
    watch,
};

/// Measures a section, and puts the result into its place.
pub(super) fn measure(
    section: Section,
    plan: &Plan,
    observer: &Path,
    place: &mut Place,
) -> Result<()> {
    if !host::is_guest() {
        apt::install(packages(section))?;
    }
    let taking = Taking {
        host: Host::read(observer)?,
        load_before: load()?,
        quick: plan.quick,
    };
    match section {
        Section::List => place.list = Some(taking.of(list::measure(plan, observer)?)),
        Section::Floors => {
            place.floors = Some(taking.of(floors::measure(plan, &floors::program()?)?));
        }
        Section::Agent => place.agent = Some(taking.of(cost::steady(&plan.agent, observer)?)),
        Section::Scrape => {
            place.scrape = Some(taking.of(latency::measure(&plan.scrape, observer)?));
        }
        Section::Hooks => place.hooks = Some(taking.of(hooks::measure(&plan.hooks, observer)?)),
        Section::Churn => place.churn = Some(taking.of(churn::measure(plan, observer)?)),
        Section::Watch => {
            place.watch = Some(taking.of(watch::measure(&plan.watch, plan.processes, observer)?))
        }
    }
    Ok(())
}

/// Debian packages that a section needs here.
fn packages(section: Section) -> &'static [&'static str] {
    match section {
        Section::List => &["iproute2", "net-tools"],
        Section::Agent => &["iproute2"],
        Section::Hooks | Section::Churn => {
            &["bpftool", attached::PACKAGE, attached::COMPILED_PACKAGE]
        }
        Section::Watch => &watch::PACKAGES,
        Section::Floors | Section::Scrape => &[],
    }
}

/// State of the host before a section is measured.
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
