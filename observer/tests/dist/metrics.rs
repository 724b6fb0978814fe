//! The metrics of an agent whose every family has samples, as the exporter's own test keeps them.

use std::collections::BTreeSet;
use std::time::SystemTime;

use crate::kit::monitoring::dist::selectors;

const GOLDEN: &str = include_str!("../golden/metrics.txt");

/// Number of workloads, `other` included.
const WORKLOADS: usize = 4;
/// Number of sinks.
const SINKS: usize = 2;

/// As an agent says them now.
pub(crate) fn exposition() -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    // What differs from run to run is left out there.
    let text = GOLDEN.replace(" VALUE\n", " 1.5\n");
    let scanned = "observer_scan_timestamp_seconds ";
    let line = |line: &str| match line.strip_prefix(scanned) {
        Some(_) => format!("{scanned}{now}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// Name and labels of each series.
fn series() -> impl Iterator<Item = &'static str> {
    let lines = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.rsplit_once(' ').map(|(series, _)| series))
}

/// The names.
pub(crate) fn names() -> BTreeSet<&'static str> {
    let name = |series: &'static str| series.split('{').next().unwrap_or_default();
    series().map(name).collect()
}

#[test]
fn selectors_are_found() {
    let query = "sum by (health) (observer_sockets{job=~\"observer_x\", health!=\"ok\"}) / on (job) \
                 rate(process_cpu_seconds_total[5m]) > job:observer_sockets:sum";
    assert_eq!(
        selectors(query),
        [
            "observer_sockets{job=~\"observer_x\", health!=\"ok\"}",
            "process_cpu_seconds_total{}"
        ]
    );
}

#[test]
fn the_number_of_series_is_what_the_documentation_says() {
    let (workloads, fixed): (Vec<_>, Vec<_>) =
        series().partition(|series| series.starts_with("observer_workload_sockets"));
    let each = workloads.len() / WORKLOADS;
    // Kernel statistics are off by default, and sinks are counted apart.
    let (counted_apart, fixed): (Vec<_>, Vec<_>) = fixed.into_iter().partition(|series| {
        [
            "observer_hook_runs_total",
            "observer_hook_run_seconds",
            "observer_alert_deliveries",
        ]
        .iter()
        .any(|name| series.starts_with(name))
    });
    assert_eq!(counted_apart.len(), 8 + 3 * SINKS);
    let formula = format!("{} + {each} × (workload_limit + 1)", fixed.len());
    let default = fixed.len() + each * 51;
    let documentation = include_str!("../../../docs/fleet.md");
    for said in [formula, format!("**{default}**")] {
        assert!(documentation.contains(&said), "docs/fleet.md lacks {said}");
    }
}
