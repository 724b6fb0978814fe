//! Reads the host for what a scan does not tell of one socket.

use super::ExplainFacts;
use crate::host::{Program, Resolver, RetrySysctls, SocketLimits, netns};
use crate::model::{Socket, State};

/// Number of owners that are tried: one may just close it, or belong to somebody else.
const OWNERS_TRIED: usize = 4;

/// Reads what there is about a socket, its first owner and its network namespace. Costs some
/// milliseconds: a duplicate of the descriptor, a few files of /proc and /etc, the headers of the
/// executable. What may not be read is `None`.
#[must_use]
pub fn gather(socket: &Socket) -> ExplainFacts {
    let owners = || socket.owners.iter().take(OWNERS_TRIED);
    let pid = owners().next().map(|owner| owner.pid);
    let limits = socket.cookie.and_then(|cookie| {
        owners().find_map(|owner| SocketLimits::read(owner.pid, owner.fd, cookie).ok())
    });
    let netns = socket
        .netns
        .and_then(|inode| netns::find(inode, owners().map(|owner| owner.pid)));
    let own_netns = netns.as_ref().map(|netns| netns.is_own);
    let netns_pid = netns.as_ref().and_then(|netns| netns.pid);
    let sysctls = netns.and_then(|netns| {
        let mut read = netns::visit(&[netns], |_| RetrySysctls::read().ok());
        read.pop()?.ok()?
    });
    ExplainFacts {
        pid,
        limits,
        sysctls,
        resolver: pid.and_then(Resolver::of),
        program: pid
            .map(Program::of)
            .filter(|program| *program != Program::default()),
        own_netns,
        netns_pid,
        accepted: None,
    }
}

/// Test for a connection that this end accepted: one of `all` listens on its local port in its network
/// namespace. A scan without listeners says no.
#[must_use]
pub fn is_accepted(socket: &Socket, all: &[Socket]) -> bool {
    all.iter().any(|other| {
        other.state == State::Listen
            && other.netns == socket.netns
            && other.local.port() == socket.local.port()
    })
}
