//! Measurements of the agent, once a second.

use std::fs;

use anyhow::{Context as _, Result};

use super::trend::Point;
use crate::bench::agent::{exposition::Metrics, running::Agent, usage::Usage};

/// Measured quantities. Each is a number; one that could not be read is none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Resident memory in KiB.
    Rss,
    /// That part of it that is no file's, in KiB: heaps, stacks, mappings.
    Anonymous,
    Descriptors,
    Threads,
    Sockets,
    Notes,
    NotesRejected,
    EventsLost,
    Series,
    /// Of them, those of workloads.
    WorkloadSeries,
    ScanFailures,
    /// Duration of the last sweep, in ms.
    Sweep,
    Firing,
    GroupsDropped,
    Dropped,
    LogLinesLost,
    /// CPU time since it began, in seconds.
    Cpu,
}

/// In the order of the table: the name, and the unit.
pub(super) const ALL: [(Quantity, &str, &str); 17] = [
    (Quantity::Rss, "resident memory", "KiB"),
    (Quantity::Anonymous, "anonymous memory", "KiB"),
    (Quantity::Descriptors, "descriptors", ""),
    (Quantity::Threads, "threads", ""),
    (Quantity::Sockets, "sockets of the host", ""),
    (Quantity::Notes, "notes", ""),
    (Quantity::NotesRejected, "notes rejected", ""),
    (Quantity::EventsLost, "events lost", ""),
    (Quantity::Series, "series", ""),
    (Quantity::WorkloadSeries, "series of workloads", ""),
    (Quantity::ScanFailures, "failed sweeps", ""),
    (Quantity::Sweep, "time of a sweep", "ms"),
    (Quantity::Firing, "groups that fire", ""),
    (Quantity::GroupsDropped, "groups dropped", ""),
    (Quantity::Dropped, "alerts dropped", ""),
    (Quantity::LogLinesLost, "log lines lost", ""),
    (Quantity::Cpu, "CPU time", "s"),
];

/// All of them at one moment, in the order of [`ALL`].
pub(super) struct Sample {
    /// Seconds since the load began.
    pub(super) at_s: f64,
    values: [f64; ALL.len()],
}

impl Sample {
    pub(super) fn take(agent: &Agent, metrics: &Metrics, at_s: f64) -> Result<Self> {
        let usage = agent.usage()?;
        let read = |name| {
            fs::read_to_string(format!("/proc/{}/{name}", agent.pid())).context("the agent is gone")
        };
        // Unlike those of status, its numbers are exact.
        let of_kernel = read("smaps_rollup")? + &read("status")?;
        let of_kernel = |key: &str| field(&of_kernel, key).unwrap_or(f64::NAN);
        let value = |what| measure(what, &usage, &of_kernel, metrics);
        Ok(Self {
            at_s,
            values: ALL.map(|(what, _, _)| value(what)),
        })
    }

    /// One that was never measured.
    #[cfg(test)]
    pub(super) fn made(at_s: f64, value: impl Fn(Quantity) -> f64) -> Self {
        Self {
            at_s,
            values: ALL.map(|(what, _, _)| value(what)),
        }
    }

    pub(super) fn get(&self, what: Quantity) -> f64 {
        let found = ALL.iter().zip(self.values);
        let mut found = found.filter(|((this, _, _), _)| *this == what);
        found.next().map_or(f64::NAN, |(_, value)| value)
    }
}

fn measure(
    what: Quantity,
    usage: &Usage,
    of_kernel: &dyn Fn(&str) -> f64,
    metrics: &Metrics,
) -> f64 {
    let metric = |name: &str| metrics.value(name);
    match what {
        Quantity::Rss => of_kernel("Rss"),
        Quantity::Anonymous => of_kernel("Anonymous"),
        Quantity::Descriptors => usage.fds as f64,
        Quantity::Threads => of_kernel("Threads"),
        Quantity::Sockets => metric("observer_scan_sockets"),
        Quantity::Notes => metric("observer_notes"),
        Quantity::NotesRejected => metric("observer_notes_rejected_total"),
        Quantity::EventsLost => metric("observer_events_lost_total"),
        // Those of the kernel's statistics come and go with a sysctl of the host.
        Quantity::Series => {
            let statistics = [
                "observer_hook_runs_total",
                "observer_hook_run_seconds_total",
            ];
            let of_host = statistics.map(|metric| metrics.series_of(metric));
            (metrics.series() - of_host.iter().sum::<usize>()) as f64
        }
        Quantity::WorkloadSeries => metrics.series_of("observer_workload_sockets") as f64,
        Quantity::ScanFailures => metric("observer_scan_failures_total"),
        Quantity::Sweep => metric("observer_scan_duration_seconds") * 1e3,
        Quantity::Firing => metric("observer_alert_groups_active"),
        Quantity::GroupsDropped => metric("observer_alert_groups_dropped_total"),
        Quantity::Dropped => metrics.sum("observer_alert_deliveries_total", "outcome=\"dropped\""),
        Quantity::LogLinesLost => metric("observer_log_lines_lost_total"),
        Quantity::Cpu => usage.cpu_s,
    }
}

/// A number of a file like `/proc/PID/status`.
fn field(text: &str, key: &str) -> Option<f64> {
    let of_key = |line: &str| Some(line.strip_prefix(key)?.strip_prefix(':')?.to_owned());
    let value = text.lines().find_map(of_key)?;
    value.split_whitespace().next()?.parse().ok()
}

/// One of them over time.
pub(super) fn row(samples: &[Sample], what: Quantity) -> Vec<Point> {
    let point = |sample: &Sample| (sample.at_s, sample.get(what));
    samples.iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_names() {
        let text = "Rss_Anon:  7 kB\nRss:            1024 kB\nThreads:\t9\n";
        assert_eq!(field(text, "Rss"), Some(1024.0));
        assert_eq!(field(text, "Threads"), Some(9.0));
        assert_eq!(field(text, "Thread"), None);
    }

    #[test]
    fn every_measure_is_in_the_table_once() {
        let values = std::array::from_fn(|index| index as f64);
        let sample = Sample { at_s: 0.0, values };
        for (index, (what, _, _)) in ALL.into_iter().enumerate() {
            assert_eq!(sample.get(what), index as f64);
        }
    }
}
