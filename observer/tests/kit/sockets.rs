//! Connections on loopback, both ends in the test's hands.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A connection: what connected and what was accepted.
#[derive(Debug)]
pub struct Pair {
    pub client: TcpStream,
    pub server: TcpStream,
    /// When the handshake was over.
    pub connected: Instant,
}

impl Pair {
    /// Over IPv4.
    pub fn new() -> Self {
        Self::via(Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into())
    }

    /// To an address of the test's own: by its port alone another test's connection, which may
    /// come to use the same one, would be selected too.
    pub fn to(address: Ipv4Addr) -> Self {
        Self::via(address.into(), address.into())
    }

    /// Over IPv6.
    pub fn ipv6() -> Self {
        Self::via(Ipv6Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into())
    }

    /// Both ends are IPv6 sockets that speak IPv4.
    pub fn v4_mapped() -> Self {
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        Self::via(Ipv6Addr::UNSPECIFIED.into(), mapped.into())
    }

    fn via(listen: IpAddr, connect: IpAddr) -> Self {
        let listener = TcpListener::bind(SocketAddr::new(listen, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(SocketAddr::new(connect, port)).unwrap();
        let (server, _) = listener.accept().unwrap();
        Self {
            client,
            server,
            connected: Instant::now(),
        }
    }

    /// The client sends, the server reads it.
    pub fn send(&mut self, bytes: &[u8]) -> Instant {
        self.client.write_all(bytes).unwrap();
        let sent = Instant::now();
        let mut read = vec![0; bytes.len()];
        self.server.read_exact(&mut read).unwrap();
        sent
    }

    /// Fills the connection until the client can send no more; the server reads nothing.
    pub fn fill(&mut self) {
        self.client.set_nonblocking(true).unwrap();
        let chunk = [0; 65536];
        // The peer's kernel may take more once it has come to it.
        for _round in 0..50 {
            let mut written = false;
            while self.client.write(&chunk).is_ok() {
                written = true;
            }
            if !written {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        self.client.set_nonblocking(false).unwrap();
        // What is in flight is acknowledged, and then the window is closed for good.
        std::thread::sleep(Duration::from_millis(700));
    }
}
