//! What the exporter shows besides the [`HostSnapshot`](crate::policy::HostSnapshot).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Socket;
use crate::model::scan::UnknownField;
pub use crate::model::{HookTallies, HookTally};
use crate::policy::Policy;

/// What stays the same while the agent runs.
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// Host name.
    pub host: String,
    /// Release of the kernel.
    pub kernel: String,
    /// How sockets are found: `bpf` or `diag`.
    pub scan: &'static str,
    /// How events are seen: `trampoline`, `tracepoint` or `none`.
    pub hooks: &'static str,
}

/// What was done with alerts since the agent began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertTallies {
    /// Groups that began to fire.
    pub firing: u64,
    /// Groups that were resolved.
    pub resolved: u64,
    /// Groups that fire now.
    pub active: u64,
    /// Groups that there was no room for, counted again at each look that finds them.
    pub groups_dropped: u64,
    /// Each sink.
    pub sinks: Vec<SinkTally>,
}

/// Deliveries to one sink, counted in alerts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SinkTally {
    /// The sink's name: its kind, and a number from the second of a kind on.
    pub name: String,
    /// Taken by the sink.
    pub ok: u64,
    /// Attempts that failed; they are repeated.
    pub error: u64,
    /// Given up: there was no room to wait, or the sink refuses them.
    pub dropped: u64,
}

/// Every socket of the host, scanned because somebody asked.
#[derive(Debug)]
pub struct FullScan {
    /// When it began.
    pub taken_at: jiff::Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The sockets, in every state.
    pub sockets: Vec<Socket>,
    /// What to judge them by.
    pub policy: Arc<Policy>,
    /// Fields that could not be had, and why.
    pub unknown: Vec<UnknownField>,
}

/// Who scans when asked. Whoever asks while a scan goes on gets its result.
pub trait FullScans: std::fmt::Debug + Send + Sync {
    /// A scan that began no earlier than a second ago.
    fn ask(&self) -> Pin<Box<dyn Future<Output = Result<Arc<FullScan>, String>> + Send + '_>>;
}
