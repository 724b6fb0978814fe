//! Metrics: a registry of families, each made from [`Values`] when it is asked for.
//!
//! Counts of sockets come whole with each scan, and counts of events as sums since the agent began:
//! nothing here adds up, so nothing can drift from what the agent itself knows.

mod alerts;
mod family;
mod hooks;
pub(super) mod http;
pub(crate) mod process;
pub mod reference;
mod scans;
mod sockets;
mod workloads;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;

use super::host_info::HostInfo;
use crate::model::{AlertTallies, HookTallies};
use crate::policy::HostSnapshot;
use crate::policy::counts::SocketCounts;
use family::Family;
use workloads::Slots;

/// Every metric, and what it shows now.
#[derive(Debug)]
pub struct Metrics {
    values: Arc<Shown>,
    registry: Registry,
    http: Arc<http::HttpTallies>,
}

impl Metrics {
    /// Metrics of an agent that began at `started_at` with a configuration that it could read. At
    /// most `workload_limit` workloads get a label of their own.
    #[must_use]
    pub fn new(host: &HostInfo, workload_limit: usize, started_at: jiff::Timestamp) -> Self {
        let http = Arc::new(http::HttpTallies::default());
        let values = Arc::new(Shown(Mutex::new(Values {
            host: host.clone(),
            counts: SocketCounts::default(),
            workloads: Slots::new(workload_limit),
            last_scan: None,
            scan_failures: 0,
            lost_lines: 0,
            last_reload_ok: true,
            config_read_at: started_at,
            hooks: HookTallies::default(),
            alerts: AlertTallies::default(),
            http: Arc::clone(&http),
        })));
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Arc::clone(&values)));
        Self {
            values,
            registry,
            http,
        }
    }

    /// Shows what a scan found.
    pub fn show_snapshot(&self, snapshot: &HostSnapshot) {
        let mut values = self.values.lock();
        values.counts = snapshot.counts;
        values.workloads.update(&snapshot.workloads);
        values.last_scan = Some(LastScan {
            taken_at: snapshot.taken_at,
            took: snapshot.took,
        });
    }

    /// Shows what was counted since the agent began.
    pub fn show_tallies(&self, hooks: &HookTallies, alerts: &AlertTallies) {
        let mut values = self.values.lock();
        values.hooks.clone_from(hooks);
        values.alerts.clone_from(alerts);
    }

    /// Counts a scan that failed.
    pub fn scan_failed(&self) {
        self.values.lock().scan_failures += 1;
    }

    /// Shows whether the configuration could be read again at `at`.
    pub fn reloaded(&self, ok: bool, at: jiff::Timestamp) {
        let mut values = self.values.lock();
        values.last_reload_ok = ok;
        if ok {
            values.config_read_at = at;
        }
    }

    /// Shows how many lines of the log could not be written since the agent began.
    pub fn show_lost_lines(&self, lost_lines: u64) {
        self.values.lock().lost_lines = lost_lines;
    }

    /// Counters of the server.
    pub(super) fn http(&self) -> &Arc<http::HttpTallies> {
        &self.http
    }

    /// All metrics in the OpenMetrics 1.0 text format.
    #[must_use]
    pub fn openmetrics(&self) -> String {
        let mut out = String::with_capacity(32 * 1024);
        // Writing into a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    /// All metrics in the Prometheus text format 0.0.4.
    #[must_use]
    pub fn text(&self) -> String {
        super::text::from_openmetrics(&self.openmetrics())
    }
}

/// Values that the samples are made from.
#[derive(Debug)]
struct Values {
    host: HostInfo,
    counts: SocketCounts,
    workloads: Slots,
    /// `None` before the first.
    last_scan: Option<LastScan>,
    scan_failures: u64,
    lost_lines: u64,
    last_reload_ok: bool,
    config_read_at: jiff::Timestamp,
    hooks: HookTallies,
    alerts: AlertTallies,
    http: Arc<http::HttpTallies>,
}

#[derive(Debug)]
struct LastScan {
    taken_at: jiff::Timestamp,
    took: Duration,
}

/// [`Values`], as the registry reads them.
#[derive(Debug)]
struct Shown(Mutex<Values>);

impl Shown {
    fn lock(&self) -> MutexGuard<'_, Values> {
        // Each value is set whole: a panic elsewhere leaves none half set.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let values = self.lock();
        for (_, families) in GROUPS {
            for family in families {
                family.encode(&values, &mut encoder)?;
            }
        }
        Ok(())
    }
}

/// Every family, by subject.
static GROUPS: [(&str, &[Family]); 6] = [
    ("Sockets", &sockets::FAMILIES),
    ("What happens to them", &hooks::FAMILIES),
    ("Alerts", &alerts::FAMILIES),
    ("Scans, configuration, host", &scans::FAMILIES),
    ("The HTTP server", &http::FAMILIES),
    ("The process", &process::FAMILIES),
];

#[cfg(test)]
mod tests;
