//! Any socket: every field known or not, every number as large as its type.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use observer::model::{
    Cgroup, Comm, Direction, Family, Idle, Keepalive, KeepaliveOption, LastSet, Owner, Past,
    Process, SetOption, Setting, Socket, State, Timer, TimerKind, Via,
};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn comm() -> impl Strategy<Value = Comm> {
    proptest::collection::vec(any::<u8>(), 0..16).prop_map(|bytes| Comm::new(&bytes))
}

fn setting() -> impl Strategy<Value = Setting> {
    let from_kernel = |(own, sysctl)| Setting::from_kernel(own, sysctl);
    prop_oneof![
        Just(Setting::default()),
        (any::<u32>(), option::of(any::<u32>())).prop_map(from_kernel),
        (0_u32..9, Just(None)).prop_map(from_kernel),
    ]
}

fn keepalive() -> impl Strategy<Value = Keepalive> {
    let settings = (setting(), setting(), setting());
    let rest = (
        option::of(any::<u32>()),
        option::of(any::<u64>()),
        option::of(any::<u64>()),
        option::of(any::<u32>()),
    );
    (option::of(any::<bool>()), settings, rest).prop_map(
        |(
            enabled,
            (idle, interval, probes),
            (user_timeout_ms, next_probe_ms, timer_ms, unanswered),
        )| {
            Keepalive {
                enabled,
                idle,
                interval,
                probes,
                user_timeout_ms,
                next_probe_ms,
                timer_ms,
                unanswered,
            }
        },
    )
}

fn timer() -> impl Strategy<Value = Timer> {
    let kinds = [
        TimerKind::Off,
        TimerKind::On,
        TimerKind::Keepalive,
        TimerKind::TimeWait,
        TimerKind::Probe,
    ];
    (
        select(kinds.to_vec()),
        any::<u64>(),
        any::<u32>(),
        any::<u32>(),
    )
        .prop_map(|(kind, expires_ms, retransmits, unanswered)| Timer {
            kind,
            expires_ms,
            retransmits,
            unanswered,
        })
}

fn idle() -> impl Strategy<Value = Idle> {
    let stamp = || option::of(any::<u64>());
    let last = option::of(select(&[Direction::Sent, Direction::Received][..]));
    (
        stamp(),
        stamp(),
        stamp(),
        stamp(),
        stamp(),
        stamp(),
        (last, any::<bool>()),
    )
        .prop_map(
            |(
                sent_ms,
                received_ms,
                ack_ms,
                probe_ms,
                peer_probe_ms,
                segment_ms,
                (last_data, peer_keeps_alive),
            )| Idle {
                sent_ms,
                received_ms,
                ack_ms,
                probe_ms,
                peer_probe_ms,
                segment_ms,
                last_data,
                peer_keeps_alive,
            },
        )
}

fn past() -> impl Strategy<Value = Past> {
    let set = (
        select(&KeepaliveOption::ALL[..]),
        option::of(any::<i32>()),
        option::of(any::<u32>()),
        any::<u16>(),
        option::of(select(&[Via::Syscall, Via::IoUring, Via::Kernel][..])),
    )
        .prop_map(|(option, asked, value, errno, via)| SetOption {
            option,
            asked,
            value,
            errno,
            via,
        });
    let process = (any::<u32>(), comm()).prop_map(|(pid, comm)| Process { pid, comm });
    let last = (set, option::of(process), any::<u64>(), any::<bool>()).prop_map(
        |(set, process, ago_ms, inherited)| LastSet {
            set,
            process,
            ago_ms,
            inherited,
        },
    );
    (
        option::of(any::<u64>()),
        option::of(any::<u32>()),
        option::of(last),
    )
        .prop_map(|(age_ms, sent, last_set)| Past {
            age_ms,
            sent,
            last_set,
        })
}

fn cgroup() -> impl Strategy<Value = Arc<Cgroup>> {
    let path = prop_oneof![
        ".{0,20}",
        "/[a-z]{1,5}\\.slice/[^/]{1,9}\\.service",
        "/kubepods/pod[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{64}",
        "/system\\.slice/docker-[0-9a-f]{64}\\.scope",
    ];
    path.prop_map(|path| Arc::new(Cgroup::parse(&path)))
}

/// Identity of a socket, without what follows from its settings.
fn bare() -> impl Strategy<Value = Socket> {
    let end = || any::<SocketAddr>();
    let owner =
        (any::<u32>(), any::<u32>(), comm()).prop_map(|(pid, fd, comm)| Owner { pid, fd, comm });
    let family = select(&[Family::Ipv4, Family::Ipv6][..]);
    let ids = (
        option::of(any::<u64>()),
        option::of(any::<u64>()),
        option::of(any::<u32>()),
        option::of(any::<u32>()),
    );
    let owners = proptest::collection::vec(owner, 0..4);
    (family, select(&State::ALL[..]), end(), end(), ids, owners).prop_map(
        |(family, state, local, remote, (cookie, inode, netns, uid), owners)| Socket {
            cookie,
            inode,
            netns,
            uid,
            owners: owners.into(),
            ..Socket::unknown(family, state, local, remote)
        },
    )
}

/// Any socket.
pub(crate) fn socket() -> impl Strategy<Value = Socket> {
    let counts = (
        option::of(any::<u64>()),
        option::of(any::<u64>()),
        option::of(any::<u32>()),
        option::of(any::<u32>()),
    );
    let facts = (
        option::of(any::<bool>()),
        option::of(any::<bool>()),
        option::of(any::<bool>()),
    );
    let parts = (keepalive(), option::of(timer()), idle());
    let seen = (option::of(past()), option::of(cgroup()));
    (bare(), counts, facts, parts, seen).prop_map(
        |(bare, (sent, received, unacked, segs_in), facts, (keepalive, timer, idle), seen)| {
            let (peer_is_local, kernel_owned, in_flight) = facts;
            let (past, cgroup) = seen;
            Socket {
                bytes_sent: sent,
                bytes_received: received,
                unacked,
                segs_in,
                peer_is_local,
                kernel_owned,
                in_flight,
                keepalive,
                timer,
                idle,
                past: past.map(Box::new),
                cgroup,
                ..bare
            }
        },
    )
}

/// A socket of which nothing is known: its end points alone.
pub(crate) fn unknown() -> Socket {
    let end = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    Socket::unknown(Family::Ipv4, State::Established, end, end)
}
