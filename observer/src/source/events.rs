//! Events as the hooks see them, with what the host knows besides: whose they are and what is
//! local.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::{ScanChoice, Source};
use crate::host::{self, CgroupCache, LocalAddresses, netns};
use crate::kernel::KernelError;
use crate::kernel::hooks::{Capacity, HookStatus, Hooks, HooksChoice};
use crate::model::StateSet;
use crate::model::event::Message;
use crate::model::scan::ScanRequest;
use crate::model::{Event, EventDetail, EventKind, Process, Socket};
use crate::source::event_queue::EventQueue;

/// Events of this host, from the moment that it is opened.
#[derive(Debug)]
pub struct HookedEvents {
    hooks: Hooks,
    notices: Vec<String>,
    known: Known,
}

/// Knowledge besides what the hooks report.
#[derive(Debug)]
struct Known {
    /// First owner of each socket that was there before the hooks, by cookie; until it closes.
    owners: FxHashMap<u64, Process>,
    cgroups: CgroupCache,
    addresses: LocalAddresses,
    addresses_read: Instant,
}

/// Least time between two reads of the namespaces' addresses.
const ADDRESSES_ANEW: Duration = Duration::from_secs(1);

impl HookedEvents {
    /// Attaches the hooks, and looks at the sockets that are there already: their owners, and a
    /// cookie for each. Only events of these kinds are reported.
    ///
    /// # Errors
    /// No hook can be attached. Why one of them is not, and what is lost with it, is in
    /// [`Self::notices`]; the same for a scan that does not work.
    pub fn open(
        scan: ScanChoice,
        choice: HooksChoice,
        kinds: &[EventKind],
    ) -> Result<Self, KernelError> {
        let mut hooks = Hooks::open(choice, Capacity::for_this_host())?;
        hooks.listen(kinds)?;
        let mut events = Self {
            notices: hooks.statuses().iter().filter_map(lost).collect(),
            hooks,
            known: Known {
                owners: FxHashMap::default(),
                cgroups: CgroupCache::default(),
                addresses: LocalAddresses::default(),
                addresses_read: Instant::now(),
            },
        };
        events.known.read_addresses();
        match present(scan) {
            Ok(sockets) => events.known.own(&sockets),
            Err(error) => events.notices.push(format!(
                "the sockets that were there before have no owner and perhaps no cookie: {error}"
            )),
        }
        Ok(events)
    }

    /// Notices to show to the user once.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// `trampoline` or `tracepoint`.
    #[must_use]
    pub fn hooks_name(&self) -> &'static str {
        self.hooks.mode().name()
    }
}

impl Known {
    fn own(&mut self, sockets: &[Socket]) {
        for socket in sockets {
            if let (Some(cookie), Some(owner)) = (socket.cookie, socket.owners.first()) {
                let process = Process {
                    pid: owner.pid,
                    comm: owner.comm,
                };
                self.owners.insert(cookie, process);
            }
        }
    }

    fn read_addresses(&mut self) {
        self.addresses_read = Instant::now();
        let namespaces = netns::enumerate().found;
        let read = netns::visit(&namespaces, |_| host::local_addresses());
        for (netns, read) in namespaces.iter().zip(read) {
            // A namespace that cannot be read has no known addresses.
            if let Ok(Ok(addresses)) = read {
                self.addresses.insert(netns.inode, addresses);
            }
        }
    }

    /// Adds what the kernel side does not know.
    fn complete(&mut self, event: &mut Event) {
        let socket = &mut event.socket;
        if let Some(cookie) = socket.cookie {
            let known = match event.detail {
                EventDetail::Closed(_) => self.owners.remove(&cookie),
                _ => self.owners.get(&cookie).copied(),
            };
            event.owner = event.owner.or(known);
        }
        let peer = socket.remote.ip();
        socket.peer_is_local = self.addresses.peer_is_local(socket.netns, peer);
        if socket.peer_is_local.is_none() && self.addresses_read.elapsed() > ADDRESSES_ANEW {
            self.read_addresses();
            let socket = &mut event.socket;
            socket.peer_is_local = self.addresses.peer_is_local(socket.netns, peer);
        }
        if let Some(process) = event.actor.or(event.owner) {
            event.socket.cgroup = self.cgroups.by_process(process.pid, None);
        }
    }
}

impl EventQueue for HookedEvents {
    fn wait(&mut self, timeout: Duration, each: &mut dyn FnMut(Message)) -> anyhow::Result<()> {
        self.known.cgroups.forget_processes();
        self.hooks.wait(timeout, &mut |mut message| {
            if let Message::Event(event) = &mut message {
                self.known.complete(event);
            }
            each(message);
        })?;
        Ok(())
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        Ok(self.hooks.stop_listening()?)
    }

    fn tracked_rejected(&self) -> anyhow::Result<u64> {
        Ok(self.hooks.counters()?.tracked_rejected)
    }
}

/// One scan of what is there.
fn present(choice: ScanChoice) -> Result<Vec<Socket>, super::SourceError> {
    let mut source = Source::open(choice)?;
    let request = ScanRequest {
        states: StateSet::ALL,
    };
    Ok(source.scan(&request)?.sockets)
}

/// Notice about a hook that is not attached.
pub(super) fn lost(status: &HookStatus) -> Option<String> {
    let why = status.why.as_deref().filter(|_| !status.attached)?;
    let (name, lost) = (status.hook.name(), status.hook.consequence());
    Some(format!(
        "the hook {name} is not attached: {why}. Lost: {lost}"
    ))
}
