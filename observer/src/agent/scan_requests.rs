//! Requests for full scans, as the exporter makes them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use tokio::sync::oneshot;

use super::command::Command;
use crate::exporter::{FullScan, FullScans};

/// Sender of requests for full scans to the collector.
#[derive(Debug, Clone)]
pub(super) struct ScanRequests {
    pub(super) commands: SyncSender<Command>,
}

const ENDED: &str = "the agent is ending";

impl FullScans for ScanRequests {
    fn ask(&self) -> Pin<Box<dyn Future<Output = Result<Arc<FullScan>, String>> + Send + '_>> {
        Box::pin(async move {
            let (reply, replied) = oneshot::channel();
            self.commands
                .try_send(Command::FullScan(reply))
                .map_err(|_| "too many requests wait already: ask again later".to_owned())?;
            replied.await.unwrap_or_else(|_| Err(ENDED.to_owned()))
        })
    }
}
