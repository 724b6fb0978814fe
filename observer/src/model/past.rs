//! Past of a socket: what hooks remember, and a scan alone cannot see.

use super::{Process, SetOption};

/// A socket's past. `None` where it happened before observer was there to see it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// Time since connect was called or the connection was accepted, in milliseconds.
    pub age_ms: Option<u64>,
    /// Keepalive probes sent since then.
    pub sent: Option<u32>,
    /// The last keepalive option set, or tried to; `None` also where none ever was.
    pub last_set: Option<LastSet>,
}

/// The last keepalive option that was set on a socket, or tried to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSet {
    /// Option and value, and what the kernel held then.
    pub set: SetOption,
    /// Process that asked; `None` where the kernel did for itself.
    pub process: Option<Process>,
    /// Time since then, in milliseconds.
    pub ago_ms: u64,
    /// True where it was set on the listening socket, and this connection inherited it.
    pub inherited: bool,
}
