//! Events: changes of a socket that hooks saw.

use super::{Comm, Socket};

/// One event. What is not known is `None`, never zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// The socket as it stood when this happened; for a connection that ended, as it stood just
    /// before. It has no owners: [`Event::owner`] is what is known of them.
    pub socket: Socket,
    /// The process that acted; `None` where the kernel did.
    pub actor: Option<Process>,
    /// The process that opened the connection: that called connect or accept.
    pub owner: Option<Process>,
    /// Time since connect was called or the connection was accepted, in milliseconds.
    pub age_ms: Option<u64>,
    /// Kind, with its details.
    pub kind: EventKind,
}

/// A process at the time of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    /// Process id (`task_struct.tgid`) in observer's own PID namespace.
    pub pid: u32,
    /// Name of the process.
    pub comm: Comm,
}

/// Kind of an event, with its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A keepalive option was set, or an attempt failed.
    Set(SetOption),
    /// A connection was established.
    Opened(Side),
    /// A keepalive probe left. [`Event::socket`]'s silence is that before the probe.
    Probe {
        /// Probes without an answer before this one.
        unanswered: u32,
    },
    /// A connection, or the attempt to make one, ended.
    Closed(Cause),
}

impl EventKind {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Set(_) => Kind::Set.name(),
            Self::Opened(_) => Kind::Opened.name(),
            Self::Probe { .. } => Kind::Probe.name(),
            Self::Closed(_) => Kind::Closed.name(),
        }
    }
}

/// Of which kind an event is, without more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`EventKind::Set`]
    Set,
    /// [`EventKind::Opened`]
    Opened,
    /// [`EventKind::Probe`]
    Probe,
    /// [`EventKind::Closed`]
    Closed,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Set, Self::Opened, Self::Probe, Self::Closed];

    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Opened => "opened",
            Self::Probe => "probe",
            Self::Closed => "closed",
        }
    }
}

/// An option set, or the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetOption {
    /// Which.
    pub option: KeepaliveOption,
    /// Value that the program passed; `None` where it passed less than an int or an address that cannot
    /// be read.
    pub asked: Option<i32>,
    /// Value that the kernel holds afterwards, in the option's own unit.
    pub value: Option<u32>,
    /// `errno` of the call, 0 on success.
    pub errno: u16,
    /// Way by which it was asked; `None` where that cannot be told.
    pub via: Option<Via>,
}

/// The options that decide about keepalive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeepaliveOption {
    /// `SO_KEEPALIVE`, 0 or 1.
    Keepalive,
    /// `TCP_KEEPIDLE`, seconds.
    Idle,
    /// `TCP_KEEPINTVL`, seconds.
    Interval,
    /// `TCP_KEEPCNT`.
    Probes,
    /// `TCP_USER_TIMEOUT`, milliseconds.
    UserTimeout,
}

impl KeepaliveOption {
    /// Every option.
    pub const ALL: [Self; 5] = [
        Self::Keepalive,
        Self::Idle,
        Self::Interval,
        Self::Probes,
        Self::UserTimeout,
    ];

    /// The name in C.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keepalive => "SO_KEEPALIVE",
            Self::Idle => "TCP_KEEPIDLE",
            Self::Interval => "TCP_KEEPINTVL",
            Self::Probes => "TCP_KEEPCNT",
            Self::UserTimeout => "TCP_USER_TIMEOUT",
        }
    }

    /// Value that `socket` holds for it, in the option's own unit, as getsockopt answers.
    #[must_use]
    pub fn held(self, socket: &Socket) -> Option<u32> {
        let keepalive = &socket.keepalive;
        match self {
            Self::Keepalive => keepalive.enabled.map(u32::from),
            Self::Idle => keepalive.idle.value,
            Self::Interval => keepalive.interval.value,
            Self::Probes => keepalive.probes.value,
            Self::UserTimeout => keepalive.user_timeout_ms,
        }
    }
}

/// Way by which an option was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// By setsockopt(2).
    Syscall,
    /// By io_uring.
    IoUring,
    /// By the kernel itself: a file system, a driver, MPTCP, another BPF program.
    Kernel,
}

impl Via {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syscall => "syscall",
            Self::IoUring => "io_uring",
            Self::Kernel => "kernel",
        }
    }
}

/// Which end this host was when the connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// It connected.
    Connect,
    /// It accepted.
    Accept,
}

impl Side {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Accept => "accept",
        }
    }
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Keepalive probes stayed without an answer.
    KeepaliveTimeout,
    /// `TCP_USER_TIMEOUT` was over.
    UserTimeout,
    /// Data, a SYN or a window probe was sent again until the kernel gave up.
    RetransmitTimeout,
    /// The peer reset it, or refused it.
    Reset,
    /// It was closed, by either end, in order or by this host's own abort.
    Closed,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 5] = [
        Self::KeepaliveTimeout,
        Self::UserTimeout,
        Self::RetransmitTimeout,
        Self::Reset,
        Self::Closed,
    ];

    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeepaliveTimeout => "keepalive_timeout",
            Self::UserTimeout => "user_timeout",
            Self::RetransmitTimeout => "retransmit_timeout",
            Self::Reset => "reset",
            Self::Closed => "closed",
        }
    }
}

/// Entry of a queue of events.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "handed over one at a time, never kept"
)]
pub enum Message {
    /// Something happened.
    Event(Event),
    /// So many events did not fit into the queue since the last such message.
    Lost(u64),
}
