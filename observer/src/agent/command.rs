//! Commands to the collector.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::settings::SweepSettings;
use crate::exporter::FullScan;

/// Command to the collector.
#[derive(Debug)]
pub(super) enum Command {
    /// Scan every socket.
    FullScan(Reply),
    /// Use these settings from now on.
    Settings(Arc<SweepSettings>),
    /// End.
    Stop,
}

/// Sender of one full scan, or of the reason why there is none.
pub(super) type Reply = oneshot::Sender<Result<Arc<FullScan>, String>>;
