//! Two network namespaces joined by a cable, and a peer that falls silent.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use super::netns::TestNetns;
use super::sockets::Pair;

pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// A client's and a server's host.
#[derive(Debug)]
pub struct Link {
    pub client: TestNetns,
    pub server: TestNetns,
}

impl Link {
    pub fn new() -> Self {
        let link = Self {
            client: TestNetns::new(),
            server: TestNetns::new(),
        };
        // Neighbours for good: a peer that answers no ARP would end connections otherwise.
        let server = link.server.pid().to_string();
        link.client.enter(|| {
            ip(&format!(
                "link add name near address 02:00:00:00:00:01 type veth \
                 peer name far address 02:00:00:00:00:02 netns {server}"
            ));
            ip(&format!("address add {CLIENT}/24 dev near"));
            ip("link set dev near up");
        });
        link.server.enter(|| {
            ip(&format!("address add {SERVER}/24 dev far"));
            ip("link set dev far up");
            ip(&format!(
                "neighbour replace {CLIENT} lladdr 02:00:00:00:00:01 dev far nud permanent"
            ));
        });
        link.client.enter(|| {
            ip(&format!(
                "neighbour replace {SERVER} lladdr 02:00:00:00:00:02 dev near nud permanent"
            ));
        });
        link
    }

    /// A connection between the two.
    pub fn pair(&self) -> Pair {
        self.pair_with(&self.listen())
    }

    /// The same to one of [`Link::listen`].
    pub fn pair_with(&self, listener: &TcpListener) -> Pair {
        let address = listener.local_addr().unwrap();
        let client = self.client.enter(|| TcpStream::connect(address).unwrap());
        let (server, _) = listener.accept().unwrap();
        Pair {
            client,
            server,
            connected: Instant::now(),
        }
    }

    pub fn listen(&self) -> TcpListener {
        let address = SocketAddr::new(SERVER.into(), 0);
        self.server.enter(|| TcpListener::bind(address).unwrap())
    }

    /// From now on packets reach the server, and no answer leaves it.
    pub fn silence_server(&self) {
        self.server
            .enter(|| ip(&format!("route add blackhole {CLIENT}/32")));
    }

    /// Number of keepalive probes that the client's host has sent.
    pub fn probes_sent(&self) -> u64 {
        probes_sent(&self.client)
    }
}

/// Number of keepalive probes that a host has sent (`TcpExt` `TCPKeepAlive`).
pub fn probes_sent(netns: &TestNetns) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/net/netstat", netns.pid())).unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut both = names.split_whitespace().zip(values.split_whitespace());
    let (_, value) = both.find(|(name, _)| *name == "TCPKeepAlive").unwrap();
    value.parse().unwrap()
}

/// Runs iproute2 in the namespace of the calling thread.
pub fn ip(arguments: &str) {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .expect("ip runs; apt-get install iproute2");
    assert!(
        output.status.success(),
        "ip {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Makes closing it send a reset.
pub fn reset_on_close(stream: &TcpStream) {
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
}
