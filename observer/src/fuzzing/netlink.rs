//! Datagrams of netlink: sockets and addresses.

use std::net::IpAddr;

use smallvec::smallvec;

use super::input::Input;
use super::shown;
use crate::diag::join::Parts;
use crate::diag::message::{self, DiagSocket};
use crate::diag::options::Options;
use crate::host::nlmsg::{attributes, messages, status};
use crate::host::{KeepaliveSysctls, address};
use crate::model::{Comm, Owner};

/// Reads a datagram as both dumps do. The first bytes choose what else is known of its sockets.
pub fn check(input: &[u8]) {
    let mut rest = Input(input);
    let choice = rest.byte();
    let more = More::from(&mut rest);
    let datagram = rest.0;
    let mut left = datagram.len();
    // Printing takes far longer than reading.
    let shown = usize::from(choice >> 1);
    for (at, message) in messages(datagram).enumerate() {
        // A header has 16 bytes, so there is an end.
        left = left.saturating_sub(16 + message.payload.len());
        assert!(message.payload.len() + 16 <= datagram.len());
        let mut values = 0;
        for (kind, value) in attributes(message.payload) {
            values += value.len() + 4;
            assert!(kind <= 0x3fff && values <= message.payload.len() + 3);
        }
        drop(status(message.payload));
        if choice & 1 == 0 {
            if let Some(socket) = message::parse(message.payload) {
                known(&socket, message.payload);
                let socket = more.with(socket).into_socket();
                if at == shown {
                    shown::socket(&socket);
                }
            }
        } else if let Some(IpAddr::V4(address)) = address::parse(message.payload) {
            let octets = address.octets();
            assert!(message.payload.windows(4).any(|part| part == octets));
        }
    }
    let least: usize = messages(datagram).map(|m| 16 + m.payload.len()).sum();
    assert!(least <= datagram.len() && left <= datagram.len());
}

/// Everything said of a socket stands in the message.
fn known(socket: &DiagSocket, message: &[u8]) {
    assert!(message.len() >= 72);
    assert!(message.get(44..52) == Some(&socket.cookie.to_ne_bytes()));
    let info = socket.info.and_then(|info| info.bytes_sent);
    assert!(info.is_none() || message.len() >= 72 + 4 + 208);
}

/// Parts that do not come from the message.
struct More {
    peer_is_local: Option<bool>,
    sysctls: Option<KeepaliveSysctls>,
    options: Option<Options>,
    uptime_ms: u64,
    is_held: bool,
}

impl More {
    fn from(input: &mut Input<'_>) -> Self {
        Self {
            peer_is_local: input.one_of([None, Some(true), Some(false)]),
            sysctls: input.maybe(|input| KeepaliveSysctls {
                idle_s: input.word(),
                interval_s: input.word(),
                probes: input.word(),
            }),
            options: input.maybe(|input| Options {
                keepalive: input.byte() & 1 == 1,
                idle_s: input.word(),
                interval_s: input.word(),
                probes: input.word(),
                user_timeout_ms: input.word(),
            }),
            uptime_ms: u64::from(input.word()) << input.one_of([0, 8, 31]),
            is_held: input.byte() & 1 == 1,
        }
    }

    fn with(&self, diag: DiagSocket) -> Parts {
        let mut parts = Parts {
            diag,
            netns: 1,
            peer_is_local: self.peer_is_local,
            sysctls: self.sysctls,
            owners: smallvec![],
            cgroup: None,
            options: self.options,
            uptime_ms: self.uptime_ms,
        };
        if self.is_held {
            parts.owners.push(Owner {
                pid: 812,
                fd: 5,
                comm: Comm::new(b"python3"),
            });
        }
        parts
    }
}
