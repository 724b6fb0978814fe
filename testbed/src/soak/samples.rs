//! What the agent is like, once a second.

use std::fs;

use anyhow::{Context as _, Result};

use super::trend::Point;
use crate::bench::agent::{exposition::Metrics, running::Agent, usage::Usage};

/// What is measured. Each is a number; what could not be had is none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
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
    /// How long the last look took, in ms.
    Look,
    Firing,
    GroupsDropped,
    Dropped,
    LogLinesLost,
    /// CPU time since it began, in seconds.
    Cpu,
}

/// In the order of the table: the name, and the unit.
pub(super) const ALL: [(What, &str, &str); 17] = [
    (What::Rss, "resident memory", "KiB"),
    (What::Anonymous, "anonymous memory", "KiB"),
    (What::Descriptors, "descriptors", ""),
    (What::Threads, "threads", ""),
    (What::Sockets, "sockets of the host", ""),
    (What::Notes, "notes", ""),
    (What::NotesRejected, "notes rejected", ""),
    (What::EventsLost, "events lost", ""),
    (What::Series, "series", ""),
    (What::WorkloadSeries, "series of workloads", ""),
    (What::ScanFailures, "failed looks", ""),
    (What::Look, "time of a look", "ms"),
    (What::Firing, "groups that fire", ""),
    (What::GroupsDropped, "groups dropped", ""),
    (What::Dropped, "alerts dropped", ""),
    (What::LogLinesLost, "log lines lost", ""),
    (What::Cpu, "CPU time", "s"),
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
    pub(super) fn made(at_s: f64, value: impl Fn(What) -> f64) -> Self {
        Self {
            at_s,
            values: ALL.map(|(what, _, _)| value(what)),
        }
    }

    pub(super) fn get(&self, what: What) -> f64 {
        let found = ALL.iter().zip(self.values);
        let mut found = found.filter(|((this, _, _), _)| *this == what);
        found.next().map_or(f64::NAN, |(_, value)| value)
    }
}

fn measure(what: What, usage: &Usage, of_kernel: &dyn Fn(&str) -> f64, metrics: &Metrics) -> f64 {
    let metric = |name: &str| metrics.value(name);
    match what {
        What::Rss => of_kernel("Rss"),
        What::Anonymous => of_kernel("Anonymous"),
        What::Descriptors => usage.fds as f64,
        What::Threads => of_kernel("Threads"),
        What::Sockets => metric("observer_scan_sockets"),
        What::Notes => metric("observer_notes"),
        What::NotesRejected => metric("observer_notes_rejected_total"),
        What::EventsLost => metric("observer_events_lost_total"),
        // Those of the kernel's statistics come and go with a sysctl of the host.
        What::Series => {
            let statistics = [
                "observer_hook_runs_total",
                "observer_hook_run_seconds_total",
            ];
            let of_host = statistics.map(|metric| metrics.series_of(metric));
            (metrics.series() - of_host.iter().sum::<usize>()) as f64
        }
        What::WorkloadSeries => metrics.series_of("observer_workload_sockets") as f64,
        What::ScanFailures => metric("observer_scan_failures_total"),
        What::Look => metric("observer_scan_duration_seconds") * 1e3,
        What::Firing => metric("observer_alert_groups_active"),
        What::GroupsDropped => metric("observer_alert_groups_dropped_total"),
        What::Dropped => metrics.sum("observer_alert_deliveries_total", "outcome=\"dropped\""),
        What::LogLinesLost => metric("observer_log_lines_lost_total"),
        What::Cpu => usage.cpu_s,
    }
}

/// A number of a file like `/proc/PID/status`.
fn field(text: &str, key: &str) -> Option<f64> {
    let of_key = |line: &str| Some(line.strip_prefix(key)?.strip_prefix(':')?.to_owned());
    let value = text.lines().find_map(of_key)?;
    value.split_whitespace().next()?.parse().ok()
}

/// One of them over time.
pub(super) fn row(samples: &[Sample], what: What) -> Vec<Point> {
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
