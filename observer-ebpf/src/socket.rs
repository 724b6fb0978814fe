//! Fills in the record of a socket.

use aya_ebpf::helpers::generated::bpf_jiffies64;
use observer_common::socket::flag;
use observer_common::{RecordKind, SocketRecord};

use crate::sock::{AF_INET, AF_INET6, Kernel, Load, field};

/// Inode number of the socket's network namespace.
#[inline(always)]
pub(crate) fn netns<L: Load>(sk: Kernel) -> u32 {
    L::Pointee::number(L::pointer(sk, field!(net)), field!(net_inum)) as u32
}

/// A socket's addresses, ports and network namespace.
pub(crate) struct Endpoints {
    pub(crate) family: u16,
    /// IPv4 in the first four bytes.
    pub(crate) local: [u64; 2],
    pub(crate) remote: [u64; 2],
    pub(crate) local_port: u16,
    pub(crate) remote_port_be: u16,
    pub(crate) netns: u32,
}

#[inline(always)]
pub(crate) fn endpoints<L: Load>(skc: Kernel) -> Endpoints {
    let family = L::number(skc, field!(family));
    let (local, remote) = match family {
        AF_INET => (
            [L::number(skc, field!(rcv_saddr)), 0],
            [L::number(skc, field!(daddr)), 0],
        ),
        AF_INET6 => (
            L::bytes16(skc, field!(v6_rcv_saddr)),
            L::bytes16(skc, field!(v6_daddr)),
        ),
        _ => ([0; 2], [0; 2]),
    };
    Endpoints {
        family: family as u16,
        local,
        remote,
        local_port: L::number(skc, field!(num)) as u16,
        remote_port_be: L::number(skc, field!(dport)) as u16,
        netns: netns::<L>(skc),
    }
}

/// Fills in the fields that every kind of TCP socket has: addresses, ports, namespace.
#[inline(always)]
pub(crate) fn fill_common<L: Load>(record: &mut SocketRecord, skc: Kernel, cookie: u64, state: u8) {
    record.size = size_of::<SocketRecord>() as u16;
    record.state = state;
    record.cookie = cookie;
    // SAFETY: no arguments.
    record.jiffies = unsafe { bpf_jiffies64() };
    let endpoints = endpoints::<L>(skc);
    record.family = endpoints.family;
    record.local = endpoints.local;
    record.remote = endpoints.remote;
    record.local_port = endpoints.local_port;
    record.remote_port_be = endpoints.remote_port_be;
    record.netns = endpoints.netns;
}

/// Fills in everything of a full socket but its owner.
#[inline(always)]
pub(crate) fn fill<L: Load>(record: &mut SocketRecord, tcp: Kernel, cookie: u64, state: u8) {
    fill_common::<L>(record, tcp, cookie, state);
    record.kind = RecordKind::Full as u8;
    if L::keepalive_on(tcp) {
        record.flags |= flag::KEEPALIVE;
    }
    if L::number(tcp, field!(keepalive_pprev)) != 0 {
        record.flags |= flag::KEEPALIVE_PENDING;
    }
    if L::number(tcp, field!(kern_sock)) != 0 {
        record.flags |= flag::KERNEL;
    }
    record.uid = L::number(tcp, field!(uid)) as u32;
    record.allocation = L::number(tcp, field!(allocation)) as u32;
    record.bytes_sent = L::number(tcp, field!(bytes_sent));
    record.bytes_received = L::number(tcp, field!(bytes_received));
    record.keepalive_time = L::number(tcp, field!(keepalive_time)) as u32;
    record.keepalive_intvl = L::number(tcp, field!(keepalive_intvl)) as u32;
    record.keepalive_probes = L::number(tcp, field!(keepalive_probes)) as u8;
    record.user_timeout_ms = L::number(tcp, field!(user_timeout)) as u32;
    record.lsndtime = L::number(tcp, field!(lsndtime)) as u32;
    record.lrcvtime = L::number(tcp, field!(lrcvtime)) as u32;
    record.rcv_tstamp = L::number(tcp, field!(rcv_tstamp)) as u32;
    record.peer_probe = L::number(tcp, field!(peer_probe)) as u32;
    record.retransmit_expires = L::number(tcp, field!(retransmit_expires)) as u32;
    record.keepalive_expires = L::number(tcp, field!(keepalive_expires)) as u32;
    record.packets_out = L::number(tcp, field!(packets_out)) as u32;
    let written = L::number(tcp, field!(write_seq)) as u32;
    record.unsent = written.wrapping_sub(L::number(tcp, field!(snd_nxt)) as u32);
    record.segs_in = L::number(tcp, field!(segs_in)) as u32;
    record.pending = L::number(tcp, field!(pending)) as u8;
    record.retransmits = L::number(tcp, field!(retransmits)) as u8;
    record.probes_out = L::number(tcp, field!(probes_out)) as u8;
    let net = L::pointer(tcp, field!(net));
    record.sysctl_time = L::Pointee::number(net, field!(sysctl_time)) as u32;
    record.sysctl_intvl = L::Pointee::number(net, field!(sysctl_intvl)) as u32;
    record.sysctl_probes = L::Pointee::number(net, field!(sysctl_probes)).min(255) as u8;
}
