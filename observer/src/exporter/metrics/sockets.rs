//! Metrics of the connected sockets.

use prometheus_client::registry::Unit;

use super::Values;
use super::family::{Family, MetricKind, Samples};
use crate::policy::counts::{ByVerdict, QUIET_LONGER_THAN_S};
use crate::policy::{Health, Verdict};

const VERDICTS: &str = "`protected`, `late`, `unprotected`, `exempt`, `unknown`";
const HEALTHS: &str = "`retransmitting`, `probing`, `stale`, `at-risk`, `ok`, `unknown`";

pub(super) static FAMILIES: [Family; 4] = [
    Family {
        base: "observer_sockets",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Connected TCP sockets at the last scan, by verdict and health",
        labels: &[("verdict", VERDICTS), ("health", HEALTHS)],
        samples: by_health,
    },
    Family {
        base: "observer_sockets_quiet",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Connected TCP sockets at the last scan on which no packet crossed the wire for longer than the label says. Cumulative: a socket that is quiet for 400 s counts at 60, 240 and 350",
        labels: &[
            ("verdict", VERDICTS),
            (
                "longer_than_seconds",
                "`60`, `240`, `350`, `600`, `900`, `3600`, `7200`",
            ),
        ],
        samples: quiet,
    },
    Family {
        base: "observer_longest_quiet",
        unit: Some(Unit::Seconds),
        kind: MetricKind::Gauge,
        help: "Time since a packet last crossed the wire, of the connected socket that is quiet for longest; 0 where there is no such socket",
        labels: &[("verdict", VERDICTS)],
        samples: longest_quiet,
    },
    Family {
        base: "observer_workload_sockets",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Connected TCP sockets at the last scan, by workload and verdict. A workload keeps its label while it has sockets; those beyond the limit are summed as other",
        labels: &[
            (
                "workload",
                "at most `agent.workload_limit` names as `agent.workload` says, and `other`",
            ),
            ("verdict", VERDICTS),
        ],
        samples: workloads,
    },
];

fn verdict_name(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("unknown", Verdict::name)
}

fn by_health(values: &Values, samples: &mut Samples<'_>) {
    for (verdict, by_health) in values.counts.sockets.iter() {
        for (health, count) in by_health.iter() {
            let health = health.map_or("unknown", Health::name);
            let labels = [("verdict", verdict_name(verdict)), ("health", health)];
            samples.push(labels, *count);
        }
    }
}

/// [`QUIET_LONGER_THAN_S`] as text.
const LONGER_THAN: [&str; QUIET_LONGER_THAN_S.len()] =
    ["60", "240", "350", "600", "900", "3600", "7200"];

fn quiet(values: &Values, samples: &mut Samples<'_>) {
    for (verdict, counts) in values.counts.quiet.iter() {
        for (longer_than, count) in LONGER_THAN.into_iter().zip(counts) {
            let labels = [
                ("verdict", verdict_name(verdict)),
                ("longer_than_seconds", longer_than),
            ];
            samples.push(labels, *count);
        }
    }
}

fn longest_quiet(values: &Values, samples: &mut Samples<'_>) {
    for (verdict, longest_ms) in values.counts.longest_quiet_ms.iter() {
        let longest_s = longest_ms.unwrap_or_default() as f64 / 1000.0;
        samples.push([("verdict", verdict_name(verdict))], longest_s);
    }
}

fn workloads<'v>(values: &'v Values, samples: &mut Samples<'v>) {
    for (workload, sockets) in values.workloads.iter() {
        for verdict in ByVerdict::<u64>::verdicts() {
            let labels = [("workload", workload), ("verdict", verdict_name(verdict))];
            samples.push(labels, *sockets.get(verdict));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_silences_are_the_silences() {
        assert_eq!(QUIET_LONGER_THAN_S.map(|s| s.to_string()), LONGER_THAN);
    }
}
