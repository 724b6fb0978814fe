//! Metrics of the HTTP server itself, and where it counts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Values;
use super::family::{Family, MetricKind, Samples};

const HANDLERS: &str = "`metrics`, `status` (the page), `sockets` (the API), `health` (healthy and ready), `other` (no such page)";

pub(super) static FAMILIES: [Family; 5] = [
    Family {
        base: "observer_http_requests",
        unit: None,
        kind: MetricKind::Counter,
        help: "HTTP requests that were answered",
        labels: &[
            ("handler", HANDLERS),
            (
                "code",
                "`200`, `400`, `401`, `404` (`other` only), `405`, `503`",
            ),
        ],
        samples: requests,
    },
    Family {
        base: "observer_http_connections",
        unit: None,
        kind: MetricKind::Gauge,
        help: "HTTP connections that are open",
        labels: &[],
        samples: |values, samples| samples.push([], values.http.open.load(Ordering::Relaxed)),
    },
    Family {
        base: "observer_http_connections_refused",
        unit: None,
        kind: MetricKind::Counter,
        help: "HTTP connections that were closed at once, because too many were open",
        labels: &[],
        samples: |values, samples| samples.push([], values.http.refused.load(Ordering::Relaxed)),
    },
    Family {
        base: "observer_http_connections_failed",
        unit: None,
        kind: MetricKind::Counter,
        help: "HTTP connections that ended by a fault: no connection could be accepted, no TLS was agreed upon, what came is not HTTP or too long, it took too long to come (timeout) or to be read (stalled)",
        labels: &[(
            "reason",
            "`accept`, `tls`, `malformed`, `timeout`, `stalled`, `other`",
        )],
        samples: failed,
    },
    Family {
        base: "observer_http_full_scans",
        unit: None,
        kind: MetricKind::Counter,
        help: "Scans of every socket that were asked for by HTTP, by what became of them; late are those that nobody waited for any more",
        labels: &[("outcome", "`ok`, `error`, `late`")],
        samples: full_scans,
    },
];

/// Handler of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exporter) enum Handler {
    Metrics,
    Status,
    Sockets,
    Health,
    Other,
}

impl Handler {
    const ALL: [Self; 5] = [
        Self::Metrics,
        Self::Status,
        Self::Sockets,
        Self::Health,
        Self::Other,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Status => "status",
            Self::Sockets => "sockets",
            Self::Health => "health",
            Self::Other => "other",
        }
    }

    /// True where it can answer so: there is no series of what cannot be.
    fn answers(self, code: u16) -> bool {
        match self {
            Self::Other => !matches!(code, 200 | 503),
            _ => code != 404,
        }
    }
}

/// The codes of [`HttpTallies::answered`]; others there are not.
const CODES: [(u16, &str); 6] = [
    (200, "200"),
    (400, "400"),
    (401, "401"),
    (404, "404"),
    (405, "405"),
    (503, "503"),
];

/// Fault that ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exporter) enum ConnectionFault {
    Accept,
    Tls,
    Malformed,
    Timeout,
    Stalled,
    Other,
}

const FAULTS: [(ConnectionFault, &str); 6] = [
    (ConnectionFault::Accept, "accept"),
    (ConnectionFault::Tls, "tls"),
    (ConnectionFault::Malformed, "malformed"),
    (ConnectionFault::Timeout, "timeout"),
    (ConnectionFault::Stalled, "stalled"),
    (ConnectionFault::Other, "other"),
];

/// Outcome of a full scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exporter) enum FullScanOutcome {
    Ok,
    Error,
    Late,
}

const FULL_SCAN_OUTCOMES: [&str; 3] = ["ok", "error", "late"];

/// Counters of the server.
#[derive(Debug, Default)]
pub(in crate::exporter) struct HttpTallies {
    answered: [[AtomicU64; CODES.len()]; Handler::ALL.len()],
    open: AtomicU64,
    refused: AtomicU64,
    failed: [AtomicU64; FAULTS.len()],
    full_scans: [AtomicU64; FULL_SCAN_OUTCOMES.len()],
}

impl HttpTallies {
    pub(in crate::exporter) fn answered(&self, handler: Handler, code: u16) {
        // A code that is not listed is one of the server's own faults.
        let at = CODES.iter().position(|(known, _)| *known == code);
        count(&self.answered[handler as usize][at.unwrap_or(CODES.len() - 1)]);
    }

    pub(in crate::exporter) fn opened(&self) {
        count(&self.open);
    }

    pub(in crate::exporter) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(in crate::exporter) fn refused(&self) {
        count(&self.refused);
    }

    pub(in crate::exporter) fn failed(&self, fault: ConnectionFault) {
        count(&self.failed[fault as usize]);
    }

    pub(in crate::exporter) fn full_scan(&self, outcome: FullScanOutcome) {
        count(&self.full_scans[outcome as usize]);
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn requests(values: &Values, samples: &mut Samples<'_>) {
    for (handler, answered) in Handler::ALL.into_iter().zip(&values.http.answered) {
        for ((code, name), counter) in CODES.into_iter().zip(answered) {
            if handler.answers(code) {
                let labels = [("handler", handler.name()), ("code", name)];
                samples.push(labels, counter.load(Ordering::Relaxed));
            }
        }
    }
}

fn failed(values: &Values, samples: &mut Samples<'_>) {
    for ((_, reason), counter) in FAULTS.into_iter().zip(&values.http.failed) {
        samples.push([("reason", reason)], counter.load(Ordering::Relaxed));
    }
}

fn full_scans(values: &Values, samples: &mut Samples<'_>) {
    for (outcome, counter) in FULL_SCAN_OUTCOMES.into_iter().zip(&values.http.full_scans) {
        samples.push([("outcome", outcome)], counter.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_position() {
        for (at, handler) in Handler::ALL.into_iter().enumerate() {
            assert_eq!(handler as usize, at);
        }
        for (at, (fault, _)) in FAULTS.into_iter().enumerate() {
            assert_eq!(fault as usize, at);
        }
        assert_eq!(FULL_SCAN_OUTCOMES[FullScanOutcome::Late as usize], "late");
    }
}
