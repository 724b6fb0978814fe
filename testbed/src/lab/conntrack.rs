//! What the middlebox remembers, from the text of its `nf_conntrack`.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

/// When the middlebox was seen to remember a connection, on the lab's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Memory {
    pub(super) last_seen_s: f64,
    /// The first look at which it was gone.
    pub(super) gone_s: Option<f64>,
}

/// Connections by their client's end. In which state they are makes no difference: one that is
/// being closed is remembered, too.
#[derive(Default)]
pub(super) struct Memories(HashMap<SocketAddr, Memory>);

impl Memories {
    /// Takes in one look at the table.
    pub(super) fn look(&mut self, table: &str, now_s: f64) {
        for client in table.lines().filter_map(client_end) {
            self.0.insert(
                client,
                Memory {
                    last_seen_s: now_s,
                    gone_s: None,
                },
            );
        }
        for memory in self.0.values_mut() {
            if memory.last_seen_s < now_s && memory.gone_s.is_none() {
                memory.gone_s = Some(now_s);
            }
        }
    }

    pub(super) fn of(&self, client: SocketAddr) -> Option<Memory> {
        self.0.get(&client).copied()
    }
}

/// The client's end of a TCP connection, or `None` for any other line.
///
/// `ipv4 2 tcp 6 4 ESTABLISHED src=192.0.2.1 dst=198.51.100.1 sport=45678 dport=8080 src=… mark=0 …`
fn client_end(line: &str) -> Option<SocketAddr> {
    let mut words = line.split_whitespace();
    words.by_ref().find(|word| *word == "tcp")?;
    // The first of each is of the direction that opened it.
    let first = |key: &str| {
        let mut words = words.clone();
        words.find_map(|word| word.strip_prefix(key))
    };
    let address: IpAddr = first("src=")?.parse().ok()?;
    Some(SocketAddr::new(address, first("sport=")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "ipv4     2 tcp      6 4 ESTABLISHED src=192.0.2.1 dst=198.51.100.1 \
        sport=45678 dport=8080 src=198.51.100.1 dst=192.0.2.1 sport=8080 dport=45678 [ASSURED] \
        mark=0 zone=0 use=2";

    #[test]
    fn a_line_names_the_clients_end() {
        let client = Some("192.0.2.1:45678".parse().unwrap());
        assert_eq!(client_end(LINE), client);
        let closing = LINE.replace("ESTABLISHED", "TIME_WAIT");
        assert_eq!(client_end(&closing), client);
        let udp = "ipv4 2 udp 17 29 src=192.0.2.1 dst=198.51.100.1 sport=1 dport=2";
        assert_eq!(client_end(udp), None);
        assert_eq!(client_end("tcp src=x sport=1"), None);
        assert_eq!(client_end("tcp src=192.0.2.1 sport=70000"), None);
    }

    #[test]
    fn gone_is_the_first_look_without_it() {
        let client = "192.0.2.1:45678".parse().unwrap();
        let mut memories = Memories::default();
        assert_eq!(memories.of(client), None);
        memories.look(LINE, 1.0);
        memories.look(LINE, 2.0);
        memories.look("", 3.0);
        memories.look("", 4.0);
        let memory = memories.of(client).unwrap();
        assert_eq!((memory.last_seen_s, memory.gone_s), (2.0, Some(3.0)));
    }
}
