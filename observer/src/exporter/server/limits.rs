//! Bounds on what one client, or all of them, may take.

use std::time::Duration;

/// Bounds of the server. What goes beyond is turned away and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// Time for a TLS handshake, and for a request's head to come; also how long a connection may
    /// stay without a request.
    pub head: Duration,
    /// Time to answer.
    pub request: Duration,
    /// Time to answer what needs a scan of every socket.
    pub full_scan: Duration,
    /// Time in which a client may not read what it asked for.
    pub stall: Duration,
    /// Lifetime of a connection: after that it ends with the answer under way.
    pub connection_age: Duration,
    /// Connections at once.
    pub connections: usize,
    /// Size of a request's head, in bytes, at least 8192.
    pub head_bytes: usize,
    /// Time for answers under way when the server stops.
    pub stop: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(5),
            request: Duration::from_secs(10),
            full_scan: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            connection_age: Duration::from_secs(600),
            connections: 512,
            head_bytes: 16 * 1024,
            stop: Duration::from_millis(800),
        }
    }
}
