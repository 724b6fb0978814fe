//! From a record of the ring buffer to an event. Pure functions.

use observer_common::EventRecord;
use observer_common::event::EventKind as Kind;
use observer_common::note::{Side as NoteSide, flag};

use super::past::{option, process, since_ms, via};
use crate::kernel::decode::{self, Units};
use crate::model::{Cause, Event, EventKind, SetOption, Side, Socket, State};

/// Decodes one record. `None` for what this observer does not know.
#[must_use]
pub fn event(record: &EventRecord, units: Units) -> Option<Event> {
    let mut socket = decode::socket(&record.socket, units)?;
    if record.socket.cookie == 0 {
        socket.cookie = None;
    }
    // A probe that just left is not what the silence before it is measured by.
    socket.idle.probe_ms = since_ms(record.at_ns, record.probe_ns);
    socket.kernel_owned = None;
    let age_ms = since_ms(record.at_ns, record.born_ns);
    let kind = kind(record, &socket, age_ms)?;
    Some(Event {
        at_ns: record.at_ns,
        actor: process(record.pid, record.comm),
        owner: process(record.opener_pid, record.opener_comm),
        age_ms,
        kind,
        socket,
    })
}

fn kind(record: &EventRecord, socket: &Socket, age_ms: Option<u64>) -> Option<EventKind> {
    let kind = match Kind::from_number(record.kind)? {
        Kind::Set => {
            let option = option(record.option)?;
            EventKind::Set(SetOption {
                option,
                asked: (record.flags & flag::ASKED != 0).then_some(record.asked),
                value: option.held(socket),
                errno: record.errno,
                via: via(record.via),
            })
        }
        Kind::Opened => EventKind::Opened(match NoteSide::from_number(record.side)? {
            NoteSide::Connect => Side::Connect,
            NoteSide::Accept => Side::Accept,
        }),
        Kind::Probe => EventKind::Probe {
            unanswered: record.unanswered.into(),
        },
        Kind::Closed => EventKind::Closed(cause(record, socket, age_ms)),
    };
    Some(kind)
}

/// Why a connection ended, from the error that the kernel leaves and what the socket was at.
///
/// The kernel reports every timeout alike (`tcp_write_err`); which it was follows from what the
/// socket waited for. Data that is not acknowledged stops keepalive probes, so with such data it
/// was retransmission (or probing a closed window), else keepalive; and `TCP_USER_TIMEOUT`, where
/// set, replaces the count of either.
fn cause(record: &EventRecord, socket: &Socket, age_ms: Option<u64>) -> Cause {
    const RESETS: [i32; 3] = [libc::ECONNRESET, libc::ECONNREFUSED, libc::EPIPE];
    let error = i32::from(record.errno);
    // `ss -K` and the like abort from this end.
    if error == 0 || error == libc::ECONNABORTED {
        return Cause::Closed;
    }
    if RESETS.contains(&error) {
        return Cause::Reset;
    }
    let user_timeout_ms = u64::from(record.socket.user_timeout_ms);
    if socket.state == State::SynSent {
        // SYNs have a count of their own, which stays in force beside the user timeout.
        let is_over = user_timeout_ms > 0 && age_ms.is_some_and(|ms| ms >= user_timeout_ms);
        return if is_over && error == libc::ETIMEDOUT {
            Cause::UserTimeout
        } else {
            Cause::RetransmitTimeout
        };
    }
    let probed = record.socket.probes_out > 0 && record.unacknowledged == 0;
    match (probed, user_timeout_ms > 0) {
        (_, true) => Cause::UserTimeout,
        (true, false) => Cause::KeepaliveTimeout,
        (false, false) => Cause::RetransmitTimeout,
    }
}
