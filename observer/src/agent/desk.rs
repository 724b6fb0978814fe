//! Where full scans are asked for: whoever asks while one goes on gets its result.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use tokio::sync::oneshot;

use super::looks::Order;
use crate::exporter::{FullScan, FullScans};

/// The asking side.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    pub(super) orders: SyncSender<Order>,
}

/// The answering side of one question.
pub(super) type Answer = oneshot::Sender<Result<Arc<FullScan>, String>>;

const ENDED: &str = "the agent is ending";

impl FullScans for Desk {
    fn ask(&self) -> Pin<Box<dyn Future<Output = Result<Arc<FullScan>, String>> + Send + '_>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.orders
                .try_send(Order::FullScan(answer))
                .map_err(|_| "too many questions wait already: ask again later".to_owned())?;
            answered.await.unwrap_or_else(|_| Err(ENDED.to_owned()))
        })
    }
}
