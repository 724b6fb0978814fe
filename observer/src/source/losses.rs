//! What the hooks count, and connections that end with an error: what an agent wants of them.

use std::time::Duration;

use crate::kernel::KernelError;
use crate::kernel::hooks::{Capacity, Hook, HookStatus, Hooks, HooksChoice};
use crate::model::event::Cause;
use crate::model::event::Message;
use crate::model::{EventKind, HookTallies, HookTally};

use super::events::lost;

/// Attached hooks that remember sockets and tell only of connections that are lost.
#[derive(Debug)]
pub struct Losses {
    hooks: Hooks,
    notices: Vec<String>,
    tallies: HookTallies,
    exposed: u64,
}

impl Losses {
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
            exposed: 0,
        })
    }

    /// What there is to count without hooks.
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

    /// What the user should hear once.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// `trampoline` or `tracepoint`.
    #[must_use]
    pub fn way_name(&self) -> &'static str {
        self.hooks.way().name()
    }

    /// Whether options that are set and probes that are sent are seen.
    #[must_use]
    pub fn sees_changes(&self) -> bool {
        let statuses = self.hooks.statuses();
        let is_attached = |hook| {
            let mut statuses = statuses.iter();
            statuses.any(|status: &HookStatus| status.hook == hook && status.attached)
        };
        is_attached(Hook::SetOption) && is_attached(Hook::Timer)
    }

    /// From which idle time on, in seconds, setting it counts as [`Self::exposed`]; never where
    /// `None`.
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
        let [to_keepalive, to_user_timeout, to_retransmission, to_reset] = &mut tallies.lost;
        self.hooks.wait(timeout, &mut |message| {
            let Message::Event(event) = message else {
                return;
            };
            match event.kind {
                EventKind::Closed(Cause::KeepaliveTimeout) => *to_keepalive += 1,
                EventKind::Closed(Cause::UserTimeout) => *to_user_timeout += 1,
                EventKind::Closed(Cause::RetransmitTimeout) => *to_retransmission += 1,
                EventKind::Closed(Cause::Reset) => *to_reset += 1,
                _ => {}
            }
        })?;
        let counters = self.hooks.counters()?;
        let [ok, error] = counters.sets;
        for (sum, (ok, error)) in tallies.sets.iter_mut().zip(ok.into_iter().zip(error)) {
            *sum = [ok, error];
        }
        tallies.probes = counters.timers_probed;
        tallies.events_lost = counters.events_lost;
        tallies.notes = counters.notes_made.saturating_sub(counters.notes_removed);
        tallies.notes_capacity = self.hooks.capacity().notes.into();
        tallies.notes_rejected = counters.notes_rejected;
        self.exposed = counters.exposed;
        Ok(())
    }

    /// What was counted by the last [`Self::wait`].
    #[must_use]
    pub fn tallies(&self) -> &HookTallies {
        &self.tallies
    }

    /// Options set that left a socket without keepalive, or with one that may be too late.
    #[must_use]
    pub fn exposed(&self) -> u64 {
        self.exposed
    }

    /// Asks the kernel how often each hook ran.
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
