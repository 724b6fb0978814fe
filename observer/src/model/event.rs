//! Events: what hooks saw happen to a socket.

pub use observer_common::{EventKind, Side};

use super::{Process, SetOption, Socket};

/// One event. What is not known is `None`, never zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Time of the event, in nanoseconds of `CLOCK_MONOTONIC`.
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
    /// Detail by the kind of event.
    pub detail: EventDetail,
}

/// Detail of an event, by its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventDetail {
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

impl EventDetail {
    /// Kind of the event.
    #[must_use]
    pub const fn kind(self) -> EventKind {
        match self {
            Self::Set(_) => EventKind::Set,
            Self::Opened(_) => EventKind::Opened,
            Self::Probe { .. } => EventKind::Probe,
            Self::Closed(_) => EventKind::Closed,
        }
    }
}

observer_common::numbered! {
    /// Cause of a connection's end.
    Cause {
        /// Keepalive probes stayed without an answer.
        KeepaliveTimeout = 0, "keepalive_timeout";
        /// `TCP_USER_TIMEOUT` was over.
        UserTimeout = 1, "user_timeout";
        /// Data, a SYN or a window probe was sent again until the kernel gave up.
        RetransmitTimeout = 2, "retransmit_timeout";
        /// The peer reset it, or refused it.
        Reset = 3, "reset";
        /// It was closed, by either end, in order or by this host's own abort.
        Closed = 4, "closed";
    }
}

impl Cause {
    /// True for a connection that was lost: given up by the kernel, or reset.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        !matches!(self, Self::Closed)
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
