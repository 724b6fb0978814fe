//! Metrics of the scans, of the agent as it runs, and of the host.

use prometheus_client::registry::Unit;

use super::Values;
use super::family::{Family, MetricKind, Samples};

pub(super) static FAMILIES: [Family; 9] = [
    Family {
        base: "observer_scan_duration",
        unit: Some(Unit::Seconds),
        kind: MetricKind::Gauge,
        help: "How long the last finished scan took; 0 before the first",
        labels: &[],
        samples: duration,
    },
    Family {
        base: "observer_scan_timestamp",
        unit: Some(Unit::Seconds),
        kind: MetricKind::Gauge,
        help: "When the last finished scan began, in seconds since 1970; 0 before the first. All metrics of sockets are as of then",
        labels: &[],
        samples: timestamp,
    },
    Family {
        base: "observer_scan_sockets",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Connected TCP sockets that the last finished scan found",
        labels: &[],
        samples: sockets,
    },
    Family {
        base: "observer_scan_failures",
        unit: None,
        kind: MetricKind::Counter,
        help: "Scans that failed; the results of the last finished one are still shown",
        labels: &[],
        samples: failures,
    },
    Family {
        base: "observer_config_last_reload_successful",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Whether the configuration could be read when it last was, 1 or 0. At 0 the one before is in force",
        labels: &[],
        samples: reload_successful,
    },
    Family {
        base: "observer_config_last_reload_success_timestamp",
        unit: Some(Unit::Seconds),
        kind: MetricKind::Gauge,
        help: "When the configuration in force was read, in seconds since 1970",
        labels: &[],
        samples: reload_timestamp,
    },
    Family {
        base: "observer_log_lines_lost",
        unit: None,
        kind: MetricKind::Counter,
        help: "Lines of the log that could not be written to stderr",
        labels: &[],
        samples: lost_lines,
    },
    Family {
        base: "observer_build_info",
        unit: None,
        kind: MetricKind::Gauge,
        help: "The observer that runs; always 1",
        labels: &[("version", "its version")],
        samples: build,
    },
    Family {
        base: "observer_host_info",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Scan method, attach mode of the hooks, and kernel of this host; always 1",
        labels: &[
            ("scan", "`bpf`, `diag`"),
            ("hooks", "`trampoline`, `tracepoint`, `none`"),
            ("kernel", "release of the kernel"),
        ],
        samples: host,
    },
];

fn duration(values: &Values, samples: &mut Samples<'_>) {
    let took = values.last_scan.as_ref().map(|scan| scan.took);
    samples.push([], took.unwrap_or_default().as_secs_f64());
}

fn timestamp(values: &Values, samples: &mut Samples<'_>) {
    let taken_at = values.last_scan.as_ref().map(|scan| scan.taken_at);
    samples.push([], taken_at.map_or(0.0, unix_s));
}

fn sockets(values: &Values, samples: &mut Samples<'_>) {
    samples.push([], values.counts.total());
}

fn failures(values: &Values, samples: &mut Samples<'_>) {
    samples.push([], values.scan_failures);
}

fn reload_successful(values: &Values, samples: &mut Samples<'_>) {
    samples.push([], values.last_reload_ok);
}

fn reload_timestamp(values: &Values, samples: &mut Samples<'_>) {
    samples.push([], unix_s(values.config_read_at));
}

fn lost_lines(values: &Values, samples: &mut Samples<'_>) {
    samples.push([], values.lost_lines);
}

fn build(_: &Values, samples: &mut Samples<'_>) {
    samples.push([("version", env!("CARGO_PKG_VERSION"))], 1_u64);
}

fn host<'v>(values: &'v Values, samples: &mut Samples<'v>) {
    let host = &values.host;
    let labels = [
        ("scan", host.scan),
        ("hooks", host.hooks),
        ("kernel", host.kernel.as_str()),
    ];
    samples.push(labels, 1_u64);
}

fn unix_s(at: jiff::Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
