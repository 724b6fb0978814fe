//! The metrics of an agent, in `metrics.txt`: every series that there can be, of three workloads.

use std::collections::BTreeSet;
use std::time::SystemTime;

/// As an agent says them now.
pub(crate) fn exposition() -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    include_str!("metrics.txt").replace("@NOW@", &now.to_string())
}

/// Name and labels of each series.
fn series() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("metrics.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' ').map(|(series, _)| series))
}

/// The names.
pub(crate) fn names() -> BTreeSet<&'static str> {
    let name = |series: &'static str| series.split('{').next().unwrap_or_default();
    series().map(name).collect()
}

/// The selectors of observer's and its process's metrics in a query: each metric with its matchers.
pub(crate) fn selectors(query: &str) -> Vec<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(is_word) {
        let word = &rest[start..];
        let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
        let (name, after) = word.split_at(end);
        rest = after;
        // What stands in quotes or names a window is no metric; neither is a recording rule's name.
        let is_metric = ["observer_", "process_"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        if !is_metric {
            if let Some(quoted) = after.strip_prefix("=~\"").or(after.strip_prefix("=\"")) {
                rest = quoted.split_once('"').map_or("", |(_, rest)| rest);
            }
            continue;
        }
        let matchers = after.strip_prefix('{').and_then(|inner| {
            let end = inner.find('}')?;
            inner.get(..end)
        });
        found.push(format!("{name}{{{}}}", matchers.unwrap_or_default()));
    }
    found
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
    let each = workloads.len() / 3;
    // Kernel statistics are off by default, and sinks and requests are counted apart.
    let (counted_apart, fixed): (Vec<_>, Vec<_>) = fixed.into_iter().partition(|series| {
        [
            "observer_hook_run",
            "observer_alert_deliveries",
            "observer_http_requests",
        ]
        .iter()
        .any(|name| series.starts_with(name))
    });
    assert_eq!(counted_apart.len(), 8 + 3 + 1);
    let formula = format!("{} + {each} × (workload_limit + 1)", fixed.len());
    let default = fixed.len() + each * 51;
    let documentation = include_str!("../../../docs/fleet.md");
    for said in [formula, format!("**{default}**")] {
        assert!(documentation.contains(&said), "docs/fleet.md lacks {said}");
    }
}
