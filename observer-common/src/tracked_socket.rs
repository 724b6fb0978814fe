//! Tracked sockets: what the hooks remember, in a map keyed by the address of a `struct sock`.

/// Key of the map's header, where no socket is.
///
/// In it `cookie` is [`TrackedSocket::VERSION`], `born_ns` when the hooks were attached, `opener_pid`
/// the process that attached them, `via` an [`AttachMode`](crate::hook::AttachMode), and `flags` bits of
/// [`sees`].
pub const HEADER_KEY: u64 = 0;

/// Past of one socket. Times are nanoseconds of `CLOCK_MONOTONIC`, 0 for never seen.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct TrackedSocket {
    /// `sock_common.skc_cookie`; 0 where the socket had none yet.
    pub cookie: u64,
    /// Time when connect was called, or the connection was accepted.
    pub born_ns: u64,
    /// Time when a keepalive option was last set, or tried to.
    pub set_ns: u64,
    /// Time when the last keepalive probe left.
    pub probe_ns: u64,
    /// Local address, network order; IPv4 in the first four bytes.
    pub local: [u64; 2],
    /// Remote address, likewise.
    pub remote: [u64; 2],
    /// `task_struct.comm` of the leader of the process that opened the connection.
    pub opener_comm: [u64; 2],
    /// The same of the process that set the option.
    pub set_comm: [u64; 2],
    /// Process that opened the connection; 0 where none is known.
    pub opener_pid: u32,
    /// Process that set the option; 0 where the kernel did.
    pub set_pid: u32,
    /// Value that was asked for.
    pub asked: i32,
    /// Value that the kernel held afterwards, in its own unit; a time of 0 means the sysctl.
    pub value: u32,
    /// Keepalive probes sent since the socket is tracked.
    pub probes: u32,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// Local port, host order.
    pub local_port: u16,
    /// Remote port, network order.
    pub remote_port_be: u16,
    /// `errno` of the call that set the option.
    pub errno: u16,
    /// A [`KeepaliveOption`](crate::KeepaliveOption), 0 where none was set.
    pub option: u8,
    /// A [`Via`](crate::Via) of the last option set, 0 where not known; in the header an
    /// [`AttachMode`](crate::hook::AttachMode).
    pub via: u8,
    /// A [`Side`], 0 where not known.
    pub side: u8,
    /// Bits of [`flag`].
    pub flags: u8,
    /// `sock_common.skc_family`.
    pub family: u16,
    /// Always 0.
    pub padding: [u8; 4],
}

impl TrackedSocket {
    /// Number of this form of the record, changed with its meaning: one observer reads another's.
    pub const VERSION: u64 = 0x6f62_7376_0000_0002;
}

/// Bits of [`TrackedSocket::flags`] in the header: what the hooks see that write the entries.
pub mod sees {
    /// Options that are set.
    pub const OPTIONS: u8 = 1;
    /// Probes that are sent.
    pub const PROBES: u8 = 1 << 1;
}

/// Bits of [`TrackedSocket::flags`].
pub mod flag {
    /// The option was set on the listening socket that this connection came from.
    pub const INHERITED: u8 = 1;
    /// `asked` could be read.
    pub const ASKED: u8 = 1 << 1;
}

crate::numbered! {
    /// End of a connection that this host was when it was made. Records hold 0 where it is not known.
    Side {
        /// This host connected.
        Connect = 1, "connect";
        /// This host accepted.
        Accept = 2, "accept";
    }
}

const _: () = assert!(size_of::<TrackedSocket>() == 136);
