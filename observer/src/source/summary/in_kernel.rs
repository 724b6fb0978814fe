//! Summaries that the kernel makes: a policy's limits go down, its counts come up.

use super::counts;
use super::limits::limit_table;
use super::types::{Summary, SummaryRequest};
use crate::kernel::summary::{LimitTable, TallyRequest};
use crate::kernel::{KernelError, KernelScanner};
use crate::policy::Policy;

/// Maker of summaries by a scanner, with the limits of the policy that it made the last one by.
#[derive(Debug, Default)]
pub struct InKernelSummary {
    limits: Option<PolicyLimits>,
}

#[derive(Debug)]
struct PolicyLimits {
    policy: Policy,
    hz: u32,
    /// `None` where the kernel side has no room for the policy.
    table: Option<LimitTable>,
}

impl InKernelSummary {
    /// Summarizes the connected sockets of every network namespace. `None` before the scanner's
    /// first scan, and where the kernel side has no room for the policy, or for this host's
    /// addresses or shared files: a full scan is needed then.
    ///
    /// # Errors
    /// The kernel refuses the programs or stops a walk, or observer's own socket is not read as it
    /// is.
    pub fn summarize(
        &mut self,
        scanner: &mut KernelScanner,
        request: &SummaryRequest<'_>,
    ) -> Result<Option<Summary>, KernelError> {
        let Some(hz) = scanner.hz() else {
            return Ok(None);
        };
        let Some(limits) = self.limits(request.policy, hz) else {
            return Ok(None);
        };
        let request = TallyRequest {
            limits,
            silences: counts::silences(hz),
            by_comm: request.by_comm,
        };
        let raw = scanner.summarize(&request)?;
        Ok(raw.map(|raw| counts::summary(raw, limits, hz)))
    }

    fn limits(&mut self, policy: &Policy, hz: u32) -> Option<&LimitTable> {
        let is_same = |known: &PolicyLimits| known.policy == *policy && known.hz == hz;
        if !self.limits.as_ref().is_some_and(is_same) {
            self.limits = Some(PolicyLimits {
                policy: policy.clone(),
                hz,
                table: limit_table(policy, hz).ok(),
            });
        }
        self.limits.as_ref()?.table.as_ref()
    }
}
