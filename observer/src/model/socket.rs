//! One TCP socket of this host.

use std::net::SocketAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Cgroup, Idle, Keepalive, Owner, Past, State, Timer};

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
    /// `tcp_sock.segs_in`: to `diag` the only trace that a peer's keepalive probe leaves.
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
