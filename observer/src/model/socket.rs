//! One TCP socket of this host.

use std::net::SocketAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Cgroup, Idle, Keepalive, Owner, Past, Timer};

/// One TCP socket. `None` is "this host, kernel or permission cannot give it", never zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Socket {
    /// `sock_common.skc_cookie`, unique on this host until reboot.
    pub cookie: Option<u64>,
    /// Inode number of the socket's file; 0 in the kernel where it has none, `None` here.
    pub inode: Option<u64>,
    /// Inode number of the network namespace, `net.ns.inum`.
    pub netns: Option<u32>,
    /// Address family of the socket itself: a v4-mapped connection is [`Family::Ipv6`].
    pub family: Family,
    /// `sock_common.skc_state`.
    pub state: State,
    /// Local address and port; v4-mapped addresses stay in their IPv6 form.
    pub local: SocketAddr,
    /// Remote address and port; the unspecified address and port 0 where there is no peer.
    pub remote: SocketAddr,
    /// `true` where the remote address belongs to this host's side: loopback or an address of the
    /// socket's own network namespace. `None` where the namespace's addresses cannot be read.
    pub peer_is_local: Option<bool>,
    /// Every process and descriptor that holds the socket.
    pub owners: SmallVec<[Owner; 1]>,
    /// `true` where the kernel itself made it (`sock.sk_kern_sock`).
    pub kernel_owned: Option<bool>,
    /// `sock.sk_uid` in the initial user namespace.
    pub uid: Option<u32>,
    /// The control group of its first owner, else the one that the socket was made in.
    pub cgroup: Option<Arc<Cgroup>>,
    /// Keepalive settings and what follows from them.
    pub keepalive: Keepalive,
    /// The one timer that `netstat --timers` shows.
    pub timer: Option<Timer>,
    /// Times of silence.
    pub idle: Idle,
    /// `tcp_sock.bytes_sent`, retransmissions included.
    pub bytes_sent: Option<u64>,
    /// `tcp_sock.bytes_received`.
    pub bytes_received: Option<u64>,
    /// Segments sent and not acknowledged, `tcp_sock.packets_out`.
    pub unacked: Option<u32>,
    /// `true` where data is in flight or waits to be sent: keepalive does not run then.
    pub in_flight: Option<bool>,
    /// `tcp_sock.segs_in`: the only trace that a peer's keepalive probe leaves.
    pub segs_in: Option<u32>,
    /// Its past as hooks remember it; `None` where no hook was there.
    pub past: Option<Box<Past>>,
}

impl Socket {
    /// A socket of which nothing is known but this.
    #[must_use]
    pub fn unknown(family: Family, state: State, local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            cookie: None,
            inode: None,
            netns: None,
            family,
            state,
            local,
            remote,
            peer_is_local: None,
            owners: SmallVec::new(),
            kernel_owned: None,
            uid: None,
            cgroup: None,
            keepalive: Keepalive::default(),
            timer: None,
            idle: Idle::default(),
            bytes_sent: None,
            bytes_received: None,
            unacked: None,
            in_flight: None,
            segs_in: None,
            past: None,
        }
    }
}

/// Address family of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// `AF_INET`
    Ipv4,
    /// `AF_INET6`
    Ipv6,
}

impl Family {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

/// TCP state, numbered as in the kernel's `net/tcp_states.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the protocol's own")]
#[repr(u8)]
pub enum State {
    Established = 1,
    SynSent = 2,
    SynRecv = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    Close = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
}

impl State {
    /// Every state, in the kernel's order.
    pub const ALL: [Self; 11] = [
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
    ];

    /// Decodes `skc_state`; `TCP_NEW_SYN_RECV` (12) is [`State::SynRecv`], other values `None`.
    #[must_use]
    pub const fn from_kernel(value: u8) -> Option<Self> {
        Some(match value {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => return None,
        })
    }

    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::SynSent => "syn-sent",
            Self::SynRecv => "syn-recv",
            Self::FinWait1 => "fin-wait-1",
            Self::FinWait2 => "fin-wait-2",
            Self::TimeWait => "time-wait",
            Self::Close => "close",
            Self::CloseWait => "close-wait",
            Self::LastAck => "last-ack",
            Self::Listen => "listen",
            Self::Closing => "closing",
        }
    }

    /// States in which somebody can still wait for bytes: both ends know each other and at least
    /// one direction is open.
    #[must_use]
    pub const fn is_connected(self) -> bool {
        matches!(
            self,
            Self::Established | Self::FinWait1 | Self::FinWait2 | Self::CloseWait
        )
    }

    /// States in which the kernel's stamps of what was sent and received mean something: they do from the
    /// handshake on.
    #[must_use]
    pub const fn has_stamps(self) -> bool {
        !matches!(
            self,
            Self::SynSent | Self::SynRecv | Self::Listen | Self::Close
        )
    }

    /// States in which the peer's FIN has come.
    #[must_use]
    pub const fn peer_has_finished(self) -> bool {
        matches!(
            self,
            Self::CloseWait | Self::LastAck | Self::Closing | Self::TimeWait
        )
    }

    /// This state's bit in a [`StateSet`] and in `inet_diag_req_v2.idiag_states`.
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// A set of [`State`]s, as the kernel's `1 << state` masks have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateSet(pub u32);

impl StateSet {
    /// States that `list` shows without `--all`: everything but `listen`, `time-wait`, `syn-recv` and
    /// `close`.
    pub const CONNECTED: Self = Self(
        State::Established.bit()
            | State::SynSent.bit()
            | State::FinWait1.bit()
            | State::FinWait2.bit()
            | State::CloseWait.bit()
            | State::LastAck.bit()
            | State::Closing.bit(),
    );

    /// States with those that `--all` adds to [`StateSet::CONNECTED`].
    pub const ALL: Self = Self(
        Self::CONNECTED.0 | State::Listen.bit() | State::TimeWait.bit() | State::SynRecv.bit(),
    );

    /// Membership of `state` in the set.
    #[must_use]
    pub const fn contains(self, state: State) -> bool {
        self.0 & state.bit() != 0
    }

    /// Membership of a state that only a walk of the TCP hash tables finds: no file
    /// descriptor leads to it.
    #[must_use]
    pub const fn needs_tables(self) -> bool {
        self.contains(State::TimeWait) || self.contains(State::SynRecv)
    }
}
