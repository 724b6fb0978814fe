//! Metrics of alerts.

use super::Values;
use super::family::{Family, MetricKind, Samples};

pub(super) static FAMILIES: [Family; 4] = [
    Family {
        base: "observer_alerts",
        unit: None,
        kind: MetricKind::Counter,
        help: "Groups of sockets that began to fire, and that were resolved",
        labels: &[("state", "`firing`, `resolved`")],
        samples: alerts,
    },
    Family {
        base: "observer_alert_groups_active",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Groups of sockets that fire now",
        labels: &[],
        samples: |values, samples| samples.push([], values.alerts.active),
    },
    Family {
        base: "observer_alert_groups_dropped",
        unit: None,
        kind: MetricKind::Counter,
        help: "Groups of sockets that qualified for an alert, and for which there was no room",
        labels: &[],
        samples: |values, samples| samples.push([], values.alerts.groups_dropped),
    },
    Family {
        base: "observer_alert_deliveries",
        unit: None,
        kind: MetricKind::Counter,
        help: "Alerts sent, by what became of them: taken by the sink, failed (they are sent again), or given up because there was no room to wait",
        labels: &[
            (
                "sink",
                "kinds of the sinks in the configuration, numbered from the second of a kind on",
            ),
            ("outcome", "`ok`, `error`, `dropped`"),
        ],
        samples: deliveries,
    },
];

fn alerts(values: &Values, samples: &mut Samples<'_>) {
    samples.push([("state", "firing")], values.alerts.firing);
    samples.push([("state", "resolved")], values.alerts.resolved);
}

fn deliveries<'v>(values: &'v Values, samples: &mut Samples<'v>) {
    for sink in &values.alerts.sinks {
        let outcomes = [
            ("ok", sink.ok),
            ("error", sink.error),
            ("dropped", sink.dropped),
        ];
        for (outcome, count) in outcomes {
            samples.push([("sink", sink.name.as_str()), ("outcome", outcome)], count);
        }
    }
}
