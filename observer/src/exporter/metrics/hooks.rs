//! Metrics of what the hooks saw, and of the hooks themselves.

use prometheus_client::registry::Unit;

use super::Values;
use super::family::{Family, MetricKind, Samples};
use crate::model::KeepaliveOption;

const HOOKS: &str = "names of hooks, as `observer doctor` lists them";

pub(super) static FAMILIES: [Family; 11] = [
    Family {
        base: "observer_keepalive_set",
        unit: None,
        kind: MetricKind::Counter,
        help: "Attempts of processes to set a keepalive option of a TCP socket",
        labels: &[
            (
                "option",
                "`SO_KEEPALIVE`, `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`, `TCP_USER_TIMEOUT`",
            ),
            ("outcome", "`ok`, `error`"),
        ],
        samples: sets,
    },
    Family {
        base: "observer_keepalive_probes",
        unit: None,
        kind: MetricKind::Counter,
        help: "Keepalive probes that this host sent",
        labels: &[],
        samples: |values, samples| samples.push([], values.hooks.counters.timers_probed),
    },
    Family {
        base: "observer_connections_lost",
        unit: None,
        kind: MetricKind::Counter,
        help: "Connections that ended other than by both ends closing them: given up by the kernel, or reset",
        labels: &[(
            "cause",
            "`keepalive_timeout`, `user_timeout`, `retransmit_timeout`, `reset`",
        )],
        samples: lost,
    },
    Family {
        base: "observer_events_lost",
        unit: None,
        kind: MetricKind::Counter,
        help: "Events that did not fit into the queue between kernel and observer. The counters of events are too low by that much",
        labels: &[],
        samples: |values, samples| samples.push([], values.hooks.counters.events_lost),
    },
    Family {
        base: "observer_hook_runs_missed",
        unit: None,
        kind: MetricKind::Counter,
        help: "Runs of hooks that the kernel left out, because one was under way on that processor (Linux 5.12 and later count them). The counters of events are too low by at most that much",
        labels: &[],
        samples: |values, samples| samples.push([], values.hooks.missed_runs),
    },
    Family {
        base: "observer_notes",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Sockets whose past the hooks remember",
        labels: &[],
        samples: |values, samples| samples.push([], values.hooks.tracked()),
    },
    Family {
        base: "observer_notes_capacity",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Sockets whose past the hooks can remember",
        labels: &[],
        samples: |values, samples| samples.push([], values.hooks.tracked_capacity),
    },
    Family {
        base: "observer_notes_rejected",
        unit: None,
        kind: MetricKind::Counter,
        help: "Sockets whose past could not be remembered, because there was no room",
        labels: &[],
        samples: |values, samples| samples.push([], values.hooks.counters.tracked_rejected),
    },
    Family {
        base: "observer_hook_attached",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Whether a hook is attached, 1 or 0. Without it, what it would see is not counted",
        labels: &[("hook", HOOKS)],
        samples: attached,
    },
    Family {
        base: "observer_hook_run",
        unit: Some(Unit::Seconds),
        kind: MetricKind::Counter,
        help: "Time that the programs of a hook ran. Only where the kernel measures it: sysctl kernel.bpf_stats_enabled",
        labels: &[("hook", HOOKS)],
        samples: run_seconds,
    },
    Family {
        base: "observer_hook_runs",
        unit: None,
        kind: MetricKind::Counter,
        help: "How often the programs of a hook ran. Only where the kernel counts it: sysctl kernel.bpf_stats_enabled",
        labels: &[("hook", HOOKS)],
        samples: runs,
    },
];

fn sets(values: &Values, samples: &mut Samples<'_>) {
    let [ok, error] = values.hooks.counters.sets;
    let by_option = ok.into_iter().zip(error);
    for (option, (ok, error)) in KeepaliveOption::ALL.into_iter().zip(by_option) {
        for (outcome, count) in [("ok", ok), ("error", error)] {
            samples.push([("option", option.name()), ("outcome", outcome)], count);
        }
    }
}

fn lost(values: &Values, samples: &mut Samples<'_>) {
    for (cause, count) in values.hooks.ends.losses() {
        samples.push([("cause", cause.name())], count);
    }
}

fn attached(values: &Values, samples: &mut Samples<'_>) {
    for hook in &values.hooks.hooks {
        samples.push([("hook", hook.name)], hook.attached);
    }
}

fn run_seconds(values: &Values, samples: &mut Samples<'_>) {
    for hook in &values.hooks.hooks {
        if let Some((_, time)) = hook.runs {
            samples.push([("hook", hook.name)], time.as_secs_f64());
        }
    }
}

fn runs(values: &Values, samples: &mut Samples<'_>) {
    for hook in &values.hooks.hooks {
        if let Some((count, _)) = hook.runs {
            samples.push([("hook", hook.name)], count);
        }
    }
}
