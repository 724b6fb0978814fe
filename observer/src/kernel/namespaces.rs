//! The network namespaces of the host, with the addresses and socket counts of each.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::host::sockstat::InUse;
use crate::host::{self, LocalAddresses, Netns, netns};
use crate::model::StateSet;
use crate::model::scan::Scan;
use crate::model::{Socket, State};

/// Most sockets that room is made for because the kernel counts so many.
const MOST_EXPECTED: u64 = 4_000_000;

/// Network namespaces of the host.
pub(super) struct Namespaces {
    pub(super) all: Vec<Netns>,
    pub(super) addresses: LocalAddresses,
    /// Sockets in use, by namespace.
    in_use: FxHashMap<u32, InUse>,
}

/// Sockets in use after a walk, in the order of the namespaces.
pub(super) struct InUseAfter(Vec<Option<InUse>>);

impl Namespaces {
    /// Enters each namespace once, and reads its addresses and socket counts.
    pub(super) fn read(scan: &mut Scan) -> Self {
        let namespaces = netns::enumerate().found;
        let mut addresses = LocalAddresses::default();
        let mut in_use = FxHashMap::default();
        let mut closed = 0;
        let visited = netns::visit(&namespaces, |_| (host::local_addresses(), InUse::here()));
        for (netns, result) in namespaces.iter().zip(visited) {
            match result {
                Ok((local, used)) => {
                    if let Ok(local) = local {
                        addresses.insert(netns.inode, local);
                    }
                    if let Ok(used) = used {
                        in_use.insert(netns.inode, used);
                    }
                }
                Err(_) => closed += 1,
            }
        }
        if closed > 0 {
            scan.notices.push(format!(
                "{closed} network namespaces cannot be entered: sockets there that no process holds are missing, and peers are never taken for local; run as root, or with CAP_SYS_ADMIN"
            ));
        }
        Self {
            all: namespaces,
            addresses,
            in_use,
        }
    }

    /// Number of sockets to expect. A hint: they come and go.
    pub(super) fn expected_sockets(&self) -> usize {
        let all: u64 = self.in_use.values().map(|in_use| in_use.all).sum();
        usize::try_from(all.min(MOST_EXPECTED)).unwrap_or_default()
    }

    /// Counts the sockets in use once more, in each of the namespaces.
    pub(super) fn count_again(&self) -> InUseAfter {
        let counted = netns::visit(&self.all, |_| InUse::here().ok());
        InUseAfter(
            counted
                .into_iter()
                .map(|counted| counted.ok().flatten())
                .collect(),
        )
    }

    /// Namespaces that may hold sockets that no descriptor led to: all but those where the
    /// kernel's own count, before and after the walk, is what the walk found.
    pub(super) fn that_may_hold_more(
        &self,
        states: StateSet,
        found: &FxHashMap<u32, InUse>,
        after: &InUseAfter,
    ) -> Vec<u32> {
        let same = |counted: Option<&InUse>, walked: InUse| match counted {
            Some(counted) if states.contains(State::Listen) => *counted == walked,
            Some(counted) => counted.connected() == walked.connected(),
            None => false,
        };
        self.all
            .iter()
            .zip(&after.0)
            .filter(|(netns, after)| {
                let walked = found.get(&netns.inode).copied().unwrap_or_default();
                let before = self.in_use.get(&netns.inode);
                states.needs_tables() || !same(before, walked) || !same(after.as_ref(), walked)
            })
            .map(|(netns, _)| netns.inode)
            .collect()
    }

    /// Sockets that the kernel counted as in use both before and after the walk of descriptors, and
    /// that no walk came upon. Some come and go meanwhile, so one count proves nothing.
    pub(super) fn unaccounted(&self, found: &FxHashMap<u32, InUse>, after: &InUseAfter) -> u64 {
        let missing = self.all.iter().zip(&after.0).map(|(netns, after)| {
            let before = self.in_use.get(&netns.inode).copied().unwrap_or_default();
            let walked = found.get(&netns.inode).copied().unwrap_or_default();
            let counted = before
                .connected()
                .min(after.unwrap_or_default().connected());
            counted.saturating_sub(walked.connected())
        });
        missing.sum()
    }

    /// Notice about sockets in namespaces that were not found: no process is in them, or none that
    /// this user may inspect.
    pub(super) fn notice_of_unfound(&self, sockets: &[Socket]) -> Option<String> {
        let found: FxHashSet<u32> = self.all.iter().map(|netns| netns.inode).collect();
        let unfound = sockets
            .iter()
            .filter(|socket| socket.netns.is_some_and(|netns| !found.contains(&netns)))
            .count();
        (unfound > 0).then(|| {
            format!(
                "{unfound} sockets are in network namespaces that no visible process is in: peers there are never taken for local; run as root, or with CAP_SYS_PTRACE, to see all processes"
            )
        })
    }
}
