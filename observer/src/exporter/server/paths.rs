//! Paths that are served, and the handler of each.

use crate::exporter::metrics::http::Handler;

pub(super) const STATUS: &str = "/";
pub(super) const METRICS: &str = "/metrics";
pub(super) const SOCKETS: &str = "/api/v1/sockets";
pub(super) const HEALTHY: &str = "/-/healthy";
pub(super) const READY: &str = "/-/ready";

/// Handler of a path, for counting.
pub(super) fn handler(path: &str) -> Handler {
    match path {
        STATUS => Handler::Status,
        METRICS => Handler::Metrics,
        SOCKETS => Handler::Sockets,
        HEALTHY | READY => Handler::Health,
        _ => Handler::Other,
    }
}
