//! What the hooks remember of each socket, in a map keyed by the address of its `struct sock`.

/// The key under which the map holds a note on itself: no socket is there.
///
/// In it `cookie` is [`Note::VERSION`], `born_ns` when the hooks were attached, `opener_pid` the
/// process that attached them, and `via` a [`Way`].
pub const HEADER_KEY: u64 = 0;

/// What is remembered of one socket. Times are nanoseconds of `CLOCK_MONOTONIC`, 0 for never seen.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Note {
    /// `sock_common.skc_cookie`; 0 where the socket had none yet.
    pub cookie: u64,
    /// When connect was called, or the connection was accepted.
    pub born_ns: u64,
    /// When a keepalive option was last set, or tried to.
    pub set_ns: u64,
    /// When the last keepalive probe left.
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
    /// What was asked for.
    pub asked: i32,
    /// What the kernel held afterwards, in its own unit; a time of 0 means the sysctl.
    pub value: u32,
    /// Keepalive probes sent since the note was made.
    pub probes: u32,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// Local port, host order.
    pub local_port: u16,
    /// Remote port, network order.
    pub remote_port_be: u16,
    /// `errno` of the call that set the option.
    pub errno: u16,
    /// A [`SetOption`], 0 where none was set.
    pub option: u8,
    /// A [`Via`] of the last option set; in the header a [`Way`].
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

/// An enumeration that is kept in a byte, with the way back.
macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)+ })+) => {$(
        $(#[$doc])*
        #[repr(u8)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $number,)+
        }

        impl $name {
            /// The variant with this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    )+};
}
pub(crate) use numbered;

impl Note {
    /// Changes whenever the meaning of a note does: one observer reads another's.
    pub const VERSION: u64 = 0x6f62_7376_0000_0001;
}

/// Bits of [`Note::flags`].
pub mod flag {
    /// The option was set on the listening socket that this connection came from.
    pub const INHERITED: u8 = 1;
    /// `asked` could be read.
    pub const ASKED: u8 = 1 << 1;
}

numbered! {
    /// The options that decide about keepalive.
    SetOption {
        /// `SO_KEEPALIVE`.
        Keepalive = 1,
        /// `TCP_KEEPIDLE`.
        Idle = 2,
        /// `TCP_KEEPINTVL`.
        Interval = 3,
        /// `TCP_KEEPCNT`.
        Probes = 4,
        /// `TCP_USER_TIMEOUT`.
        UserTimeout = 5,
    }

    /// How an option was set.
    Via {
        /// It cannot be told.
        Unknown = 0,
        /// setsockopt(2).
        Syscall = 1,
        /// io_uring.
        IoUring = 2,
        /// The kernel itself.
        Kernel = 3,
    }

    /// Which end this host was when the connection was made.
    Side {
        /// It connected.
        Connect = 1,
        /// It accepted.
        Accept = 2,
    }

    /// How hooks are attached.
    Way {
        /// fentry and fexit.
        Trampoline = 1,
        /// Tracepoints.
        Tracepoint = 2,
    }
}

/// What the hooks count, by processor.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Counters {
    /// Events that did not fit into the ring buffer.
    pub events_lost: u64,
    /// Notes, and places where a socket listens, that did not fit into their maps.
    pub notes_rejected: u64,
    /// Notes made.
    pub notes_made: u64,
    /// Notes removed.
    pub notes_removed: u64,
    /// Keepalive timers that sent a probe.
    pub timers_probed: u64,
    /// Keepalive timers that were only set again, or had nothing left to do.
    pub timers_rearmed: u64,
    /// Keepalive timers that gave the connection up.
    pub timers_gave_up: u64,
    /// Options set, by [`SetOption`] less one; then the attempts that failed.
    pub sets: [[u64; 5]; 2],
    /// Options set that leave a socket without keepalive, or with one that may be too late.
    pub exposed: u64,
}

const _: () = assert!(size_of::<Note>() == 136);
const _: () = assert!(size_of::<Counters>() == 144);
