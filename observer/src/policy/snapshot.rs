//! Result of one sweep over every connected socket of the host: counts, and the sockets that are not
//! healthy, judged. Exporter and alerts are made of it.

use std::sync::Arc;
use std::time::Duration;

use super::Judged;
use super::counts::{ByVerdict, SocketCounts};
use crate::model::scan::UnknownField;

/// From this share of the silence that is a risk on, a socket is read and shown: whether its peer
/// keeps it alive takes two sweeps to tell, and they must lie before the risk does.
pub const NEAR: f64 = 0.5;

/// The host as one sweep found it.
#[derive(Debug, Clone)]
pub struct HostSnapshot {
    /// When it began, by the wall clock.
    pub taken_at: jiff::Timestamp,
    /// Time that it took.
    pub took: Duration,
    /// Scan method by which sockets were found: `bpf` or `diag`.
    pub scan: &'static str,
    /// Connected sockets, counted.
    pub counts: SocketCounts,
    /// Connected sockets of each workload, by verdict. As the host has them: who prints them bounds
    /// their number.
    pub workloads: Vec<(Arc<str>, ByVerdict<u64>)>,
    /// Every socket that is not [`Health::Ok`](super::Health::Ok), and those that soon will not be,
    /// in no order.
    pub flagged: Vec<Flagged>,
    /// Fields that could not be had, and why.
    pub unknown: Vec<UnknownField>,
}

/// A socket that is in danger or will soon be, with what it works for.
#[derive(Debug, Clone)]
pub struct Flagged {
    /// The socket with its judgement.
    pub judged: Judged,
    /// Workload that it serves, as the configuration names workloads. Foreign input, escaped.
    pub workload: Arc<str>,
}
