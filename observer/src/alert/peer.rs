//! Peer: the other end of a group's connections.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::model::Socket;

/// The peer of a group's sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Peer {
    /// Its address, a v4-mapped one as the IPv4 address that it is.
    pub address: IpAddr,
    /// Its port; `None` where that says nothing: the peer's kernel chose it for a connection to this
    /// host.
    pub port: Option<u16>,
}

/// From this port on kernels choose for programs that do not (`net.ipv4.ip_local_port_range`).
const FIRST_CHOSEN_PORT: u16 = 32_768;

impl Peer {
    /// The peer of a socket.
    ///
    /// Each connection that a server accepts has another port at the client. Told apart by it, a
    /// server with a thousand silent clients behind one gateway would be a thousand alerts.
    #[must_use]
    pub fn of(socket: &Socket) -> Self {
        let peer = Self::from(socket.remote);
        let is_chosen =
            socket.remote.port() >= FIRST_CHOSEN_PORT && socket.local.port() < FIRST_CHOSEN_PORT;
        Self {
            port: peer.port.filter(|_| !is_chosen),
            ..peer
        }
    }
}

/// A peer of which the port says something.
impl From<SocketAddr> for Peer {
    fn from(of: SocketAddr) -> Self {
        Self {
            address: of.ip().to_canonical(),
            port: Some(of.port()),
        }
    }
}

/// `203.0.113.9:443`, `[2001:db8::9]:443`, and `203.0.113.9:*` where the port says nothing.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, port } = self;
        match (port, address) {
            (Some(port), _) => SocketAddr::new(*address, *port).fmt(f),
            (None, IpAddr::V4(address)) => write!(f, "{address}:*"),
            (None, IpAddr::V6(address)) => write!(f, "[{address}]:*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::socket;

    #[test]
    fn a_port_that_the_clients_kernel_chose_is_left_out() {
        let peer = |local: &str, remote: &str| {
            let mut socket = socket();
            socket.local = local.parse().unwrap();
            socket.remote = remote.parse().unwrap();
            Peer::of(&socket).to_string()
        };
        assert_eq!(peer("10.0.0.1:40000", "203.0.113.9:443"), "203.0.113.9:443");
        assert_eq!(peer("10.0.0.1:5432", "203.0.113.9:51122"), "203.0.113.9:*");
        assert_eq!(
            peer("[fd00::1]:80", "[2001:db8::9]:51122"),
            "[2001:db8::9]:*"
        );
        assert_eq!(
            peer("[fd00::1]:80", "[::ffff:192.0.2.1]:33000"),
            "192.0.2.1:*"
        );
        // Both chosen: who connected to whom cannot be told.
        assert_eq!(
            peer("10.0.0.1:40000", "203.0.113.9:51122"),
            "203.0.113.9:51122"
        );
    }
}
