//! Sources of a host's sockets and events, opened with every privilege.

use crate::exporter::HostInfo;
use crate::model::State;
use crate::model::StateSet;
use crate::model::scan::ScanRequest;
use crate::source::{HookMonitor, HooksChoice, ScanChoice, Source};

/// Sources of the host's sockets and events.
pub(super) struct HostSources {
    pub(super) source: Source,
    /// `None` without hooks.
    pub(super) hooks: Option<HookMonitor>,
}

impl HostSources {
    /// Opens them; without hooks where these cannot be had, and the log says why.
    pub(super) fn open(scan: ScanChoice, hooks: HooksChoice) -> anyhow::Result<Self> {
        let hooks = open_hooks(hooks);
        let mut source = Source::open(scan)?;
        if hooks.is_some() {
            source.ask_running_observers();
        }
        // The first scan shows whether iterators work; later there is no privilege for `diag`.
        source.scan(&ScanRequest {
            states: StateSet(State::Listen.bit()),
        })?;
        if let Err(error) = source.prepare_summaries() {
            tracing::warn!("{error}; every sweep reads every socket");
        }
        Ok(Self { source, hooks })
    }

    /// Facts of the host, by its own name unless another is given.
    pub(super) fn info(&self, name: Option<&str>) -> HostInfo {
        let uname = rustix::system::uname();
        HostInfo {
            host: name
                .map_or_else(|| uname.nodename().to_string_lossy(), Into::into)
                .into_owned(),
            kernel: uname.release().to_string_lossy().into_owned(),
            scan: self.source.scan_name(),
            hooks: self.hooks.as_ref().map_or("none", HookMonitor::mode_name),
        }
    }
}

fn open_hooks(choice: HooksChoice) -> Option<HookMonitor> {
    if matches!(choice, HooksChoice::None) {
        return None;
    }
    match HookMonitor::open(choice) {
        Ok(hooks) => {
            for notice in hooks.notices() {
                tracing::warn!("{notice}");
            }
            Some(hooks)
        }
        Err(error) => {
            tracing::warn!("no hooks: {error}");
            None
        }
    }
}
