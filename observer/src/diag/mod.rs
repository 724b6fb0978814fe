//! The scan for hosts that refuse eBPF iterators: sock_diag in every network namespace for what
//! netlink shows, `/proc/PID/fd` for the owners, `pidfd_getfd` and `getsockopt` for the keepalive
//! options. An ordinary user sees the sockets of his own namespace, and the options of those that
//! his own processes hold.

mod dump;
pub(crate) mod join;
pub mod message;
mod missing;
pub mod options;
pub mod tcp_info;
mod visit;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use smallvec::SmallVec;

use self::join::Parts;
use self::missing::MissingData;
use self::options::{Options, Query, Unreadable};
use self::visit::{Visit, dump_and_walk, sort_out};
use crate::host::{
    CgroupCache, Holder, LocalAddresses, SocketHolders, clock, netns, pid_namespace, process,
};
use crate::model::StateSet;
use crate::model::scan::{Scan, ScanRequest};
use crate::model::{Cgroup, Comm, Owner, State};

/// Number of a socket's descriptors that are tried for its options. More than one is needed only
/// when an owner closes it, or may not be asked.
const DESCRIPTORS_TRIED: usize = 4;

/// Trial of sock_diag in this network namespace: the sockets that listen there.
///
/// # Errors
/// As for [`DiagScanner::scan`].
pub fn try_sock_diag() -> Result<(), DiagError> {
    let listening = StateSet(State::Listen.bit());
    match dump::dump(listening) {
        Ok(_) => Ok(()),
        Err(error) if dump::is_missing(&error) => Err(DiagError::Missing(error)),
        Err(error) => Err(DiagError::Dump(error)),
    }
}

/// Why a scan failed as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiagError {
    /// The kernel lacks NETLINK_SOCK_DIAG, or its module for TCP is not loaded.
    #[error(
        "the kernel does not offer sock_diag for TCP: run `modprobe tcp_diag`, or use a kernel with CONFIG_INET_DIAG"
    )]
    Missing(#[source] io::Error),
    /// Netlink failed in our own network namespace.
    #[error("cannot read the sockets of this network namespace by sock_diag")]
    Dump(#[source] io::Error),
    /// There is no usable `/proc`.
    #[error("cannot read /proc: mount it with `mount -t proc proc /proc`")]
    Proc(#[source] io::Error),
}

/// The `diag` scan, with what it keeps from one scan to the next.
#[derive(Debug, Default)]
pub struct DiagScanner {
    cgroups: CgroupCache,
}

impl DiagScanner {
    /// A scanner that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at every TCP socket of the host that this user may see.
    ///
    /// # Errors
    /// When our own network namespace or `/proc` cannot be read at all; what is merely not
    /// permitted is in [`Scan::notices`] and [`Scan::unknown`].
    pub fn scan(&mut self, request: &ScanRequest) -> Result<Scan, DiagError> {
        let mut scan = Scan::default();
        let mut missing = MissingData::default();
        self.cgroups.forget_processes();
        let namespaces = scan.timed("namespaces", |_| netns::enumerate());
        missing.hidden_namespaces = namespaces.denied;

        let (visits, holders) = dump_and_walk(&mut scan, &namespaces, request);
        let uptime_ms = u64::try_from(clock::monotonic().as_millis()).unwrap_or(u64::MAX);
        let visits = sort_out(&namespaces, visits, &mut missing)?;
        let holders = holders.map_err(DiagError::Proc)?;
        missing.hidden_processes = holders.denied;
        missing.hides_processes = pid_namespace::is_first() == Some(false);

        let answers = scan.timed("options", |_| read_options(&visits, &holders));
        scan.timed("decode", |scan| {
            let mut names = Names::default();
            let mut addresses = LocalAddresses::default();
            let mut answers = answers.into_iter();
            scan.sockets.reserve_exact(answers.len());
            for visit in visits {
                match visit.addresses {
                    Ok(found) => addresses.insert(visit.netns, found),
                    Err(error) => missing.no_addresses.push((visit.netns, error)),
                }
                for diag in visit.sockets.into_iter().flatten() {
                    let answer = answers.next().unwrap_or(Err(Unreadable::NoDescriptor));
                    missing.count(&diag, answer);
                    let owners = names.owners(holders.of(diag.inode.into()));
                    let cgroup = self.cgroup(&owners, diag.cgroup_id);
                    let parts = Parts {
                        netns: visit.netns,
                        peer_is_local: addresses.peer_is_local(Some(visit.netns), diag.remote.ip()),
                        sysctls: visit.sysctls,
                        owners,
                        cgroup,
                        options: answer.ok(),
                        uptime_ms,
                        diag,
                    };
                    scan.sockets.push(parts.into_socket());
                }
            }
        });
        missing.report(&mut scan, rustix::process::geteuid().is_root());
        Ok(scan)
    }

    fn cgroup(&mut self, owners: &[Owner], cgroup_id: Option<u64>) -> Option<Arc<Cgroup>> {
        let of_owner = owners
            .first()
            .and_then(|owner| self.cgroups.by_process(owner.pid, None));
        of_owner.or_else(|| self.cgroups.by_id(cgroup_id?))
    }
}

/// The options of each socket, in the order in which they were found.
fn read_options(visits: &[Visit], holders: &SocketHolders) -> Vec<Result<Options, Unreadable>> {
    let sockets = visits
        .iter()
        .flat_map(|visit| visit.sockets.iter().flatten());
    let mut answers = vec![Err(Unreadable::NoDescriptor); sockets.clone().count()];
    for attempt in 0..DESCRIPTORS_TRIED {
        let lacking = sockets.clone().zip(&answers).enumerate();
        let mut queries: Vec<_> = lacking
            .filter(|(_, (socket, answer))| socket.inode != 0 && answer.is_err())
            .filter_map(|(index, (socket, _))| {
                let holder = holders.of(socket.inode.into()).get(attempt)?;
                Some(Query::new(index, socket.cookie, holder))
            })
            .collect();
        options::read_all(&mut queries);
        if queries.is_empty() {
            break;
        }
        for query in queries {
            if let Some(answer) = answers.get_mut(query.socket) {
                *answer = query.answer;
            }
        }
    }
    answers
}

/// Names of processes, each read once in a scan.
#[derive(Default)]
struct Names(HashMap<u32, Option<Comm>>);

impl Names {
    /// The owners behind `holders`; a process that has ended is none.
    fn owners(&mut self, holders: &[Holder]) -> SmallVec<[Owner; 1]> {
        let owner = |holder: &Holder| {
            let name = self
                .0
                .entry(holder.pid)
                .or_insert_with(|| process::comm(holder.pid));
            name.map(|comm| Owner {
                pid: holder.pid,
                fd: holder.fd,
                comm,
            })
        };
        holders.iter().filter_map(owner).collect()
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
