//! The order in which sockets are shown.

use crate::model::Socket;
use crate::policy::{Health, JudgedRef, Judgement, Verdict};

/// Sort key of sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    /// The most dangerous first.
    Danger,
    /// The longest quiet first.
    Quiet,
    /// The longest without payload first.
    Idle,
    /// The lowest process id first.
    Pid,
    /// By remote address and port.
    Remote,
}

/// Sorts, the same way for the same sockets; unknown values come last.
pub fn sort(sockets: &mut [JudgedRef<'_>], order: SortOrder) {
    sort_by(sockets, order, |judged| (judged.socket, &judged.judgement));
}

/// The same for anything that stands for a socket: `parts` gives the socket and its judgement.
pub fn sort_by<T>(items: &mut [T], order: SortOrder, parts: impl Fn(&T) -> (&Socket, &Judgement)) {
    // Keys are taken once: each access to one socket of many is a cache miss.
    match order {
        SortOrder::Danger => items.sort_by_cached_key(|item| {
            let (socket, judgement) = parts(item);
            let quiet_ms = socket.idle.quiet_ms();
            (danger(judgement), longest_first(quiet_ms), cookie(socket))
        }),
        SortOrder::Quiet => items.sort_by_cached_key(|item| {
            let (socket, _) = parts(item);
            (longest_first(socket.idle.quiet_ms()), cookie(socket))
        }),
        SortOrder::Idle => items.sort_by_cached_key(|item| {
            let (socket, _) = parts(item);
            (longest_first(socket.idle.data_ms()), cookie(socket))
        }),
        SortOrder::Pid => items.sort_by_cached_key(|item| {
            let (socket, _) = parts(item);
            (first_owner(socket), cookie(socket))
        }),
        SortOrder::Remote => items.sort_by_cached_key(|item| {
            let (socket, _) = parts(item);
            let remote = socket.remote;
            (remote.ip().to_canonical(), remote.port(), cookie(socket))
        }),
    }
}

fn cookie(socket: &Socket) -> u64 {
    socket.cookie.unwrap_or(u64::MAX)
}

fn longest_first(ms: Option<u64>) -> u64 {
    ms.map_or(u64::MAX, |ms| !ms - 1)
}

/// Process id and descriptor.
fn first_owner(socket: &Socket) -> (u32, u32) {
    let owners = socket.owners.iter().map(|o| (o.pid, o.fd));
    owners.min().unwrap_or((u32::MAX, u32::MAX))
}

/// Connections that are lost, then those being lost, then those that will be.
pub(crate) fn danger(judgement: &Judgement) -> u8 {
    match (judgement.health, judgement.verdict) {
        (Some(Health::Stale), _) => 0,
        (Some(Health::Retransmitting), _) => 1,
        (Some(Health::Probing), _) => 2,
        (Some(Health::AtRisk), _) => 3,
        (_, Some(Verdict::Unprotected)) => 4,
        (_, Some(Verdict::Late)) => 5,
        (_, None) => 6,
        (_, Some(Verdict::Protected)) => 7,
        (_, Some(Verdict::Exempt)) => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::socket;
    use crate::model::{Comm, Idle, Owner};
    use crate::policy::{Judged, Policy};

    fn ports(sockets: &[Socket], order: SortOrder) -> Vec<u16> {
        let policy = Policy::default();
        let mut judged: Vec<_> = sockets
            .iter()
            .map(|socket| Judged::by(&policy, socket))
            .collect();
        sort(&mut judged, order);
        judged.iter().map(|s| s.socket.local.port()).collect()
    }

    /// A socket known by its local port, quiet for so long.
    fn quiet(port: u16, ms: Option<u64>) -> Socket {
        let mut socket = socket();
        socket.local.set_port(port);
        socket.idle = Idle {
            sent_ms: ms,
            received_ms: ms,
            ..Idle::default()
        };
        socket
    }

    #[test]
    fn the_most_dangerous_first() {
        let mut protected = quiet(5, Some(900_000));
        protected.keepalive.enabled = Some(true);
        protected.keepalive.idle.value = Some(60);
        let mut unknown = quiet(4, Some(900_000));
        unknown.keepalive.enabled = None;
        let sockets = [
            protected,
            unknown,
            quiet(3, Some(10)),
            quiet(2, Some(200_000)),
            quiet(1, Some(400_000)),
            quiet(0, Some(500_000)),
        ];
        assert_eq!(ports(&sockets, SortOrder::Danger), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn unknown_times_and_owners_come_last() {
        let sockets = [quiet(2, None), quiet(1, Some(0)), quiet(0, Some(9))];
        assert_eq!(ports(&sockets, SortOrder::Quiet), [0, 1, 2]);
        assert_eq!(ports(&sockets, SortOrder::Idle), [0, 1, 2]);
        let mut sockets = [quiet(2, None), quiet(1, None), quiet(0, None)];
        sockets[0].owners.clear();
        sockets[2].owners[0] = Owner {
            pid: 7,
            fd: 3,
            comm: Comm::new(b"sh"),
        };
        assert_eq!(ports(&sockets, SortOrder::Pid), [0, 1, 2]);
    }

    #[test]
    fn remotes_sort_by_address_then_port() {
        let mut sockets = [quiet(2, None), quiet(1, None), quiet(0, None)];
        sockets[0].remote = "10.0.0.10:1".parse().unwrap();
        sockets[1].remote = "[::ffff:10.0.0.9]:2".parse().unwrap();
        sockets[2].remote = "10.0.0.9:1".parse().unwrap();
        assert_eq!(ports(&sockets, SortOrder::Remote), [0, 1, 2]);
    }
}
