//! What the agent goes by, from configuration and flags; replaced as a whole when the
//! configuration is read again.

use std::sync::Arc;
use std::time::Duration;

use super::workload::Workload;
use crate::config::Config;
use crate::policy::Policy;

/// What the agent goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What sockets are judged by.
    pub policy: Arc<Policy>,
    /// Time from one look to the next.
    pub interval: Duration,
    /// What a workload is.
    pub workload: Workload,
}

impl Settings {
    /// What the configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            policy: Arc::new(Policy {
                path: config.path_policy(),
                at_risk: config.scan.at_risk,
            }),
            interval: Duration::from_millis(config.scan.interval.ms),
            workload: config.agent.workload,
        }
    }

    /// The least path limit, in seconds: an idle time that long is too late for some path.
    #[must_use]
    pub fn least_limit_s(&self) -> Option<u64> {
        let path = &self.policy.path;
        let rules = path.rules().iter().map(|rule| &rule.limit);
        rules
            .chain([path.default_limit()])
            .filter_map(crate::policy::path::Limit::limit_s)
            .min()
    }
}
