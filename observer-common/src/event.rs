//! Records that the hooks write into the ring buffer.

use crate::SocketRecord;

crate::numbered! {
    /// Kind of an event.
    EventKind {
        /// A keepalive option was set, or tried to.
        Set = 1, "set";
        /// A connection was established.
        Opened = 2, "opened";
        /// A keepalive probe left.
        Probe = 3, "probe";
        /// A connection, or the attempt to make one, ended.
        Closed = 4, "closed";
    }
}

impl EventKind {
    /// Bit of the kind in the mask of events that somebody listens for.
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Bit beside those of [`EventKind`]: of the connections that end, only those that end with an error.
pub const LOSSES_BIT: u32 = 1;

/// Least time between two wake-ups of the reader while events come, in nanoseconds. It must look again
/// by itself at least that long after it has read some.
pub const WAKE_APART_NS: u64 = 10_000_000;

/// One event. Times are nanoseconds of `CLOCK_MONOTONIC`, 0 for never seen.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct EventRecord {
    /// Time of the event.
    pub at_ns: u64,
    /// Time when connect was called, or the connection was accepted.
    pub born_ns: u64,
    /// Time when the last keepalive probe before this event left.
    pub probe_ns: u64,
    /// `task_struct.comm` of the leader of the process that acted.
    pub comm: [u64; 2],
    /// The same of the process that opened the connection.
    pub opener_comm: [u64; 2],
    /// Process that acted; 0 where none did.
    pub pid: u32,
    /// Process that opened the connection; 0 where none is known.
    pub opener_pid: u32,
    /// Value that a program asked for ([`EventKind::Set`]).
    pub asked: i32,
    /// `tcp_sock.write_seq - tcp_sock.snd_una`: bytes written and not acknowledged.
    pub unacknowledged: u32,
    /// `errno` of the call ([`EventKind::Set`]) or `sock.sk_err` ([`EventKind::Closed`]).
    pub errno: u16,
    /// An [`EventKind`].
    pub kind: u8,
    /// A [`crate::KeepaliveOption`].
    pub option: u8,
    /// A [`crate::Via`], 0 where not known.
    pub via: u8,
    /// A [`crate::Side`], 0 where not known.
    pub side: u8,
    /// Unanswered probes before this one ([`EventKind::Probe`]).
    pub unanswered: u8,
    /// Bits of [`crate::tracked_socket::flag`].
    pub flags: u8,
    /// The socket; for one that ended, `state` is the last before.
    pub socket: SocketRecord,
}

const _: () = assert!(size_of::<EventRecord>() == 80 + size_of::<SocketRecord>());
