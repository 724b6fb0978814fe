//! Records that the scan programs write, and the mode that user space sets for them.

use crate::TrackedSocket;

/// Kind of walk that a scan program takes part in.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Every socket that qualifies, in full. In the TCP tables, sockets with a file give only a
    /// [`TableRecord`]: most are known from the file descriptors already.
    All = 0,
    /// Only candidates, in full: in the walk of descriptors, the files whose address is in the map
    /// of candidates; in the TCP tables, the sockets whose cookie is.
    Candidates = 1,
}

/// Selection of what the scan programs write.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct ScanMode {
    /// A [`Pass`].
    pub pass: u32,
    /// Bits `1 << state` of the TCP states wanted; `TCP_NEW_SYN_RECV` counts as `SYN_RECV`.
    pub states: u32,
    /// Cookie of a socket of observer's own that is written in any state, to calibrate by.
    pub calibration: u64,
}

/// Kind of a record.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// A [`SocketRecord`] of a full socket.
    Full = 1,
    /// A [`SocketRecord`] of a TIME_WAIT socket: addresses, state and timer only.
    TimeWait = 2,
    /// A [`SocketRecord`] of a half-open request: addresses, state and timer only.
    Request = 3,
    /// A [`TableRecord`].
    Table = 4,
    /// A [`TrackedSocketRecord`].
    TrackedSocket = 5,
}

/// A socket in the TCP tables that has a file. The walk of descriptors finds it if a descriptor leads
/// to that file.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct TableRecord {
    /// Size of the record in bytes.
    pub size: u16,
    /// [`RecordKind::Table`].
    pub kind: u8,
    /// `sock_common.skc_state`.
    pub state: u8,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// `sock_common.skc_cookie`.
    pub cookie: u64,
    /// Address of its `struct file`, by which a second walk of the descriptors finds it.
    pub file: u64,
}

/// Past of the socket whose record comes before, as hooks remember it.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct TrackedSocketRecord {
    /// Size of the record in bytes.
    pub size: u16,
    /// [`RecordKind::TrackedSocket`].
    pub kind: u8,
    /// Always 0.
    pub padding: [u8; 5],
    /// The socket's cookie.
    pub cookie: u64,
    /// Time when this record was taken, nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// Past of the socket.
    pub tracked: TrackedSocket,
}

/// One TCP socket, and one owner where it was found by a file descriptor. Times are the low 32
/// bits of jiffies unless said otherwise.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct SocketRecord {
    /// Size of the record in bytes.
    pub size: u16,
    /// A [`RecordKind`].
    pub kind: u8,
    /// `sock_common.skc_state`.
    pub state: u8,
    /// `sock_common.skc_family`.
    pub family: u16,
    /// Bits of [`flag`].
    pub flags: u16,
    /// `sock_common.skc_cookie`.
    pub cookie: u64,
    /// `inode.i_ino` of the socket's file, 0 without one.
    pub inode: u64,
    /// `kernfs_node.id` of the owner's control group in the unified hierarchy; without an owner,
    /// of the group that the socket was made in. 0 where not known.
    pub cgroup: u64,
    /// All 64 bits of jiffies when this record was taken.
    pub jiffies: u64,
    /// `tcp_sock.bytes_sent`.
    pub bytes_sent: u64,
    /// `tcp_sock.bytes_received`.
    pub bytes_received: u64,
    /// Local address, network order; IPv4 in the first four bytes.
    pub local: [u64; 2],
    /// Remote address, network order; IPv4 in the first four bytes.
    pub remote: [u64; 2],
    /// `task_struct.comm` of the owner's thread group leader.
    pub comm: [u64; 2],
    /// Local port, host order.
    pub local_port: u16,
    /// Remote port, network order.
    pub remote_port_be: u16,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// `sock.sk_uid`.
    pub uid: u32,
    /// `sock.sk_allocation`.
    pub allocation: u32,
    /// Owner's process id in observer's PID namespace.
    pub pid: u32,
    /// Owner's file descriptor.
    pub fd: u32,
    /// `tcp_sock.keepalive_time`, jiffies.
    pub keepalive_time: u32,
    /// `tcp_sock.keepalive_intvl`, jiffies.
    pub keepalive_intvl: u32,
    /// `net.ipv4.sysctl_tcp_keepalive_time` of the socket's namespace, jiffies.
    pub sysctl_time: u32,
    /// `net.ipv4.sysctl_tcp_keepalive_intvl`, jiffies.
    pub sysctl_intvl: u32,
    /// `inet_connection_sock.icsk_user_timeout`, ms.
    pub user_timeout_ms: u32,
    /// `tcp_sock.lsndtime`.
    pub lsndtime: u32,
    /// `inet_connection_sock.icsk_ack.lrcvtime`.
    pub lrcvtime: u32,
    /// `tcp_sock.rcv_tstamp`.
    pub rcv_tstamp: u32,
    /// Expiry of the retransmission or zero-window-probe timer, or of TIME_WAIT or the SYN-ACK.
    pub retransmit_expires: u32,
    /// Expiry of the keepalive timer.
    pub keepalive_expires: u32,
    /// `tcp_sock.packets_out`.
    pub packets_out: u32,
    /// `tcp_sock.write_seq - tcp_sock.snd_nxt`: bytes written and not yet sent.
    pub unsent: u32,
    /// `tcp_sock.segs_in`.
    pub segs_in: u32,
    /// `tcp_sock.last_oow_ack_time`.
    pub peer_probe: u32,
    /// `tcp_sock.keepalive_probes`.
    pub keepalive_probes: u8,
    /// `net.ipv4.sysctl_tcp_keepalive_probes`, at most 255.
    pub sysctl_probes: u8,
    /// `inet_connection_sock.icsk_pending`.
    pub pending: u8,
    /// `inet_connection_sock.icsk_retransmits`.
    pub retransmits: u8,
    /// `inet_connection_sock.icsk_probes_out`.
    pub probes_out: u8,
    /// Always 0.
    pub padding: [u8; 3],
}

/// Bits of [`SocketRecord::flags`].
pub mod flag {
    /// `SO_KEEPALIVE` is on (`SOCK_KEEPOPEN`).
    pub const KEEPALIVE: u16 = 1;
    /// The keepalive timer is pending.
    pub const KEEPALIVE_PENDING: u16 = 1 << 1;
    /// The kernel made the socket (`sk_kern_sock`).
    pub const KERNEL: u16 = 1 << 2;
    /// It has an open file.
    pub const FILE: u16 = 1 << 3;
    /// `pid`, `fd` and `comm` are an owner.
    pub const OWNER: u16 = 1 << 4;
    /// It has a `struct socket`: no orphan.
    pub const SOCKET: u16 = 1 << 5;
}

const _: () = assert!(size_of::<ScanMode>() == 16);
const _: () = assert!(size_of::<TableRecord>() == 24);
const _: () = assert!(size_of::<TrackedSocketRecord>() == 24 + size_of::<TrackedSocket>());
const _: () = assert!(size_of::<SocketRecord>() == 192);
