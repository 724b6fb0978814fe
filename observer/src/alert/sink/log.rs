//! Log of a sink: that it fails, once, and that it works again. Refusals at most once
//! a minute.

use std::time::{Duration, Instant};

use super::client::PostError;
use crate::text::escape;

const REFUSALS_EVERY: Duration = Duration::from_secs(60);

/// State of what was logged.
#[derive(Debug, Default)]
pub(super) struct DeliveryLog {
    is_failing: bool,
    refusal_said: Option<Instant>,
    alerts_unsaid: u64,
}

impl DeliveryLog {
    /// A batch was taken.
    pub(super) fn delivered(&mut self, sink: &str) {
        if std::mem::take(&mut self.is_failing) {
            tracing::info!("alert sink {sink}: works again");
        }
    }

    /// A batch was not taken and is sent again.
    pub(super) fn failed(&mut self, sink: &str, error: &PostError) {
        let error = escape::text(error.to_string().as_bytes());
        if self.is_failing {
            tracing::debug!("alert sink {sink}: {error}");
        } else {
            self.is_failing = true;
            tracing::warn!("alert sink {sink}: {error}; alerts wait, and are sent again");
        }
    }

    /// A batch was refused for good.
    pub(super) fn given_up(&mut self, sink: &str, alerts: u64, error: &PostError) {
        self.alerts_unsaid += alerts;
        if self
            .refusal_said
            .is_some_and(|at| at.elapsed() < REFUSALS_EVERY)
        {
            return;
        }
        self.refusal_said = Some(Instant::now());
        let error = escape::text(error.to_string().as_bytes());
        let alerts = std::mem::take(&mut self.alerts_unsaid);
        tracing::warn!("alert sink {sink} refuses alerts, {alerts} are given up: {error}");
    }
}
