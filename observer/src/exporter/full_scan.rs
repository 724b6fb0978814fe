//! Full scans: every socket of the host, read when a client asks for all of them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Socket;
use crate::model::scan::UnknownField;
use crate::policy::Policy;

/// Scan of every socket of the host, made because a client asked for it.
#[derive(Debug)]
pub struct FullScan {
    /// Time at which it began, by the wall clock.
    pub taken_at: jiff::Timestamp,
    /// Time that it took.
    pub took: Duration,
    /// Sockets in every state.
    pub sockets: Vec<Socket>,
    /// Policy to judge them by.
    pub policy: Arc<Policy>,
    /// Fields that could not be had, and why.
    pub unknown: Vec<UnknownField>,
}

/// Source of full scans. Who asks while a scan is under way gets its result.
pub trait FullScans: std::fmt::Debug + Send + Sync {
    /// Result of a scan that began no earlier than a second ago.
    fn ask(&self) -> Pin<Box<dyn Future<Output = Result<Arc<FullScan>, String>> + Send + '_>>;
}
