//! The agent's reports on itself: in its metrics, and in its log.

use std::collections::HashSet;

use super::load::PROVOKED;
use crate::bench::agent::exposition::Metrics;

/// The log warns of unreliable sinks, too.
const OF_SINKS: &str = "alert sink ";

/// Lines of the log that are more than information.
#[derive(Default)]
pub(super) struct Complaints {
    /// About broken configurations.
    pub(super) provoked: u64,
    /// About nothing that was done to it.
    pub(super) others: Vec<String>,
    /// Warnings that were given before, with other numbers at most.
    pub(super) repeated: Vec<String>,
}

impl Complaints {
    /// Takes the lines that are more than information. What a host lacks is logged once, as a warning
    /// at the start, and is no complaint.
    pub(super) fn of(lines: Vec<String>) -> Self {
        let mut complaints = Self::default();
        let mut warnings = HashSet::new();
        for line in lines {
            let is_warning = line.contains(" WARN ");
            if line.contains(PROVOKED) {
                complaints.provoked += 1;
            } else if is_warning && line.contains(OF_SINKS) {
                continue;
            } else if is_warning {
                // The time is of digits, too.
                if warnings.insert(line.replace(|c: char| c.is_ascii_digit(), "")) {
                    eprintln!("{line}");
                } else {
                    complaints.repeated.push(line);
                }
            } else {
                complaints.others.push(line);
            }
        }
        complaints
    }
}

/// Methods of scan and hooks, such as `scan bpf, hooks tracepoint`.
pub(super) fn ways(metrics: &Metrics) -> String {
    let mut lines = metrics.0.lines();
    let info = lines.find_map(|line| line.strip_prefix("observer_host_info{"));
    let info = info.unwrap_or_default();
    let label = |name: &str| {
        let (_, rest) = info.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0)
    };
    let [scan, hooks] = ["scan", "hooks"].map(|name| label(name).unwrap_or("?"));
    format!("scan {scan}, hooks {hooks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nothing_provoked_is_held_against_it() {
        let lines = [
            "2026-11-21T20:47:16Z ERROR the old configuration stays in force: agent.toml:2:1: no",
            "2026-11-21T20:47:16Z  WARN alert sink webhook-2: 500; alerts wait, and are sent again",
            "2026-11-21T20:47:16Z  WARN no hook for accept",
            "2026-11-21T20:47:16Z  WARN 20 sockets are lost",
            "2026-11-21T20:47:17Z  WARN 3 sockets are lost",
            "2026-11-21T20:47:16Z ERROR the sweep failed: no",
            "thread 'collector' panicked at observer/src/agent/collector.rs:1:1:",
        ];
        let complaints = Complaints::of(lines.map(str::to_owned).to_vec());
        assert_eq!(complaints.provoked, 1);
        assert_eq!(complaints.repeated, lines[4..5]);
        assert_eq!(complaints.others, lines[5..]);
    }

    #[test]
    fn ways_are_labels_of_the_host() {
        let text = "a 1\nobserver_host_info{scan=\"bpf\",hooks=\"none\",kernel=\"6.1\"} 1\n";
        assert_eq!(ways(&Metrics(text.to_owned())), "scan bpf, hooks none");
        assert_eq!(ways(&Metrics(String::new())), "scan ?, hooks ?");
    }
}
