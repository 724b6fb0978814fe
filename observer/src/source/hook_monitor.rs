//! Monitor of the hooks for an agent: their counters, and connections that end with an error.

use std::time::Duration;

use crate::kernel::KernelError;
use crate::kernel::hooks::{Capacity, Hook, HookStatus, Hooks, HooksChoice};
use crate::model::event::Message;
use crate::model::{EventDetail, HookTallies, HookTally};

use super::events::lost;

/// Attached hooks that track sockets and report only connections that are lost.
#[derive(Debug)]
pub struct HookMonitor {
    hooks: Hooks,
    notices: Vec<String>,
    tallies: HookTallies,
}

impl HookMonitor {
    /// Attaches what this host allows. Why a hook is not attached, and what is lost with it, is in
    /// [`Self::notices`].
    ///
    /// # Errors
    /// No hook can be attached.
    pub fn open(choice: HooksChoice) -> Result<Self, KernelError> {
        let mut hooks = Hooks::open(choice, Capacity::for_this_host())?;
        hooks.listen_to_losses()?;
        Ok(Self {
            notices: hooks.statuses().iter().filter_map(lost).collect(),
            hooks,
            tallies: HookTallies::default(),
        })
    }

    /// Tallies where there are no hooks.
    #[must_use]
    pub fn nothing_attached() -> HookTallies {
        let tally = |hook: Hook| HookTally {
            name: hook.name(),
            attached: false,
            runs: None,
        };
        HookTallies {
            hooks: Hook::ALL.into_iter().map(tally).collect(),
            ..HookTallies::default()
        }
    }

    /// Notices to show to the user once.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// `trampoline` or `tracepoint`.
    #[must_use]
    pub fn mode_name(&self) -> &'static str {
        self.hooks.mode().name()
    }

    /// True where options that are set and probes that are sent are seen.
    #[must_use]
    pub fn sees_changes(&self) -> bool {
        let statuses = self.hooks.statuses();
        let is_attached = |hook| {
            let mut statuses = statuses.iter();
            statuses.any(|status: &HookStatus| status.hook == hook && status.attached)
        };
        is_attached(Hook::SetOption) && is_attached(Hook::Timer)
    }

    /// Sets from which idle time on, in seconds, setting it counts as risky; never where `None`.
    ///
    /// # Errors
    /// The kernel does not let it be written.
    pub fn set_late_from(&mut self, late_from_s: Option<u64>) -> Result<(), KernelError> {
        self.hooks.set_late_from(late_from_s)
    }

    /// Counts what happened meanwhile, and waits at most `timeout` if nothing did.
    ///
    /// # Errors
    /// The kernel stops answering.
    pub fn wait(&mut self, timeout: Duration) -> anyhow::Result<()> {
        let tallies = &mut self.tallies;
        self.hooks.wait(timeout, &mut |message| {
            if let Message::Event(event) = message
                && let EventDetail::Closed(cause) = event.detail
            {
                tallies.ends.count(cause);
            }
        })?;
        tallies.counters = self.hooks.counters()?;
        tallies.missed_runs = self.hooks.missed_runs()?;
        tallies.tracked_capacity = self.hooks.capacity().tracked.into();
        Ok(())
    }

    /// Tallies of the last [`Self::wait`].
    #[must_use]
    pub fn tallies(&self) -> &HookTallies {
        &self.tallies
    }

    /// Reads from the kernel how often each hook ran.
    pub fn count_runs(&mut self) {
        let tally = |status: &HookStatus| {
            let runs = self.hooks.runs(status.hook);
            HookTally {
                name: status.hook.name(),
                attached: status.attached,
                runs: (runs.0 > 0).then_some(runs),
            }
        };
        self.tallies.hooks = self.hooks.statuses().iter().map(tally).collect();
    }
}
