//! Entries of the middlebox's connection table, from the text of its `nf_conntrack`.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

/// Times at which a connection was in the middlebox's table, on the lab's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry {
    pub(super) last_seen_s: f64,
    /// First reading of the table without it.
    pub(super) gone_s: Option<f64>,
}

/// Connections by their client's end. In which state they are makes no difference: one that is
/// being closed has an entry, too.
#[derive(Default)]
pub(super) struct Entries(HashMap<SocketAddr, Entry>);

impl Entries {
    /// Adds one reading of the table.
    pub(super) fn update(&mut self, table: &str, now_s: f64) {
        for client in table.lines().filter_map(client_end) {
            self.0.insert(
                client,
                Entry {
                    last_seen_s: now_s,
                    gone_s: None,
                },
            );
        }
        for entry in self.0.values_mut() {
            if entry.last_seen_s < now_s && entry.gone_s.is_none() {
                entry.gone_s = Some(now_s);
            }
        }
    }

    pub(super) fn of(&self, client: SocketAddr) -> Option<Entry> {
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
    fn gone_is_the_first_reading_without_it() {
        let client = "192.0.2.1:45678".parse().unwrap();
        let mut entries = Entries::default();
        assert_eq!(entries.of(client), None);
        entries.update(LINE, 1.0);
        entries.update(LINE, 2.0);
        entries.update("", 3.0);
        entries.update("", 4.0);
        let entry = entries.of(client).unwrap();
        assert_eq!((entry.last_seen_s, entry.gone_s), (2.0, Some(3.0)));
    }
}
