//! The sockets of one network namespace, by NETLINK_SOCK_DIAG.

use std::collections::HashSet;
use std::io;

use rustix::io::Errno;

use super::message::{self, DiagSocket};
use crate::host::inet_diag::{SOCK_DIAG_BY_FAMILY, request};
use crate::host::netlink::{Netlink, Protocol};
use crate::model::Family;
use crate::model::StateSet;

/// `tcp_info`; the control group comes unasked.
const EXTENSIONS: u8 = 1 << (message::INFO - 1);
/// Sockets in a part of a [`Dump`].
const PART_LEN: usize = 1_024;

/// Sockets in parts, which are freed one by one as they are used up: a host may have so many that
/// this bounds the scan's memory.
pub(crate) type Dump = Vec<Vec<DiagSocket>>;

/// Every TCP socket of the calling thread's network namespace in one of `states`, each once.
///
/// # Errors
/// Errors of the kernel: `EPROTONOSUPPORT` or `ENOENT` without inet_diag or tcp_diag.
pub(crate) fn dump(states: StateSet) -> io::Result<Dump> {
    let mut netlink = Netlink::open(Protocol::SockDiag)?;
    let mut parts: Dump = Vec::new();
    // A hash bucket that changes between two reads, or a dump begun anew, shows sockets twice.
    let mut seen = HashSet::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        let dumped = netlink.dump(
            SOCK_DIAG_BY_FAMILY,
            SOCK_DIAG_BY_FAMILY,
            &request(family, states, EXTENSIONS),
            |answer| {
                if let Some(socket) = message::parse(answer).filter(|s| seen.insert(s.cookie)) {
                    add(&mut parts, socket);
                }
            },
        );
        match dumped {
            Ok(_) => {}
            // inet_diag serves both families or none: this kernel has no IPv6.
            Err(error) if family == Family::Ipv6 && is_missing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(parts)
}

fn add(parts: &mut Dump, socket: DiagSocket) {
    match parts.last_mut() {
        Some(part) if part.len() < PART_LEN => part.push(socket),
        _ => {
            let mut part = Vec::with_capacity(PART_LEN);
            part.push(socket);
            parts.push(part);
        }
    }
}

/// Test for an answer that the kernel lacks the protocol, or the module for it.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::PROTONOSUPPORT | Errno::NOENT)
    )
}
