//! Decoding of events, from records of the ring buffer. Pure functions.

use observer_common::socket::flag as socket_flag;
use observer_common::tracked_socket::flag;
use observer_common::{EventKind, EventRecord, KeepaliveOption, Side, Via};

use super::past::{process, since_ms};
use crate::kernel::decode::{self, Units};
use crate::model::{Cause, Event, EventDetail, SetOption, Socket, State};

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
    let detail = detail(record, &socket, age_ms)?;
    Some(Event {
        at_ns: record.at_ns,
        actor: process(record.pid, record.comm),
        owner: process(record.opener_pid, record.opener_comm),
        age_ms,
        detail,
        socket,
    })
}

fn detail(record: &EventRecord, socket: &Socket, age_ms: Option<u64>) -> Option<EventDetail> {
    let detail = match EventKind::from_number(record.kind)? {
        EventKind::Set => {
            let option = KeepaliveOption::from_number(record.option)?;
            EventDetail::Set(SetOption {
                option,
                asked: (record.flags & flag::ASKED != 0).then_some(record.asked),
                value: socket.keepalive.value_of(option),
                errno: record.errno,
                via: Via::from_number(record.via),
            })
        }
        EventKind::Opened => EventDetail::Opened(Side::from_number(record.side)?),
        EventKind::Probe => EventDetail::Probe {
            unanswered: record.unanswered.into(),
        },
        EventKind::Closed => EventDetail::Closed(cause(record, socket, age_ms)),
    };
    Some(detail)
}

/// Cause of a connection's end, from the error that the kernel leaves and what the socket was at.
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
    // With tcp_keepalive_probes 0 the keepalive timer gives up before it has sent one.
    let keeps_alive = record.socket.flags & socket_flag::KEEPALIVE != 0;
    let probed = (record.socket.probes_out > 0 || keeps_alive) && record.unacknowledged == 0;
    match (probed, user_timeout_ms > 0) {
        (_, true) => Cause::UserTimeout,
        (true, false) => Cause::KeepaliveTimeout,
        (false, false) => Cause::RetransmitTimeout,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use observer_common::{RecordKind, SocketRecord};

    const ESTABLISHED: u8 = 1;
    const SYN_SENT: u8 = 2;

    fn units() -> Units {
        Units {
            hz: 250,
            ..Units::default()
        }
    }

    /// A connection of 10 s that ends with this error.
    fn closed(errno: i32) -> EventRecord {
        EventRecord {
            at_ns: 30_000_000_000,
            born_ns: 20_000_000_000,
            kind: EventKind::Closed as u8,
            errno: u16::try_from(errno).unwrap(),
            socket: SocketRecord {
                size: u16::try_from(size_of::<SocketRecord>()).unwrap(),
                kind: RecordKind::Full as u8,
                state: ESTABLISHED,
                family: 2,
                ..SocketRecord::default()
            },
            ..EventRecord::default()
        }
    }

    fn cause_of(record: &EventRecord) -> Cause {
        match event(record, units()).unwrap().detail {
            EventDetail::Closed(cause) => cause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_end_without_an_error_or_by_this_host_is_closed() {
        assert_eq!(cause_of(&closed(0)), Cause::Closed);
        assert_eq!(cause_of(&closed(libc::ECONNABORTED)), Cause::Closed);
    }

    #[test]
    fn what_the_peer_refuses_is_reset() {
        for errno in [libc::ECONNRESET, libc::ECONNREFUSED, libc::EPIPE] {
            assert_eq!(cause_of(&closed(errno)), Cause::Reset, "{errno}");
        }
    }

    #[test]
    fn a_timeout_is_that_of_the_timer_that_ran() {
        let mut record = closed(libc::ETIMEDOUT);
        assert_eq!(cause_of(&record), Cause::RetransmitTimeout);
        record.socket.probes_out = 9;
        assert_eq!(cause_of(&record), Cause::KeepaliveTimeout);
        record.socket.probes_out = 0;
        record.socket.flags = socket_flag::KEEPALIVE;
        assert_eq!(cause_of(&record), Cause::KeepaliveTimeout, "0 probes");
        record.socket.probes_out = 9;
        // Window probes are counted in the same place; data waits meanwhile.
        record.unacknowledged = 1;
        assert_eq!(cause_of(&record), Cause::RetransmitTimeout);
        record.socket.user_timeout_ms = 5000;
        assert_eq!(cause_of(&record), Cause::UserTimeout);
        record.unacknowledged = 0;
        assert_eq!(cause_of(&record), Cause::UserTimeout);
        // The kernel leaves what ICMP said last.
        record.errno = u16::try_from(libc::EHOSTUNREACH).unwrap();
        assert_eq!(cause_of(&record), Cause::UserTimeout);
    }

    #[test]
    fn an_attempt_ends_by_the_count_of_its_syns_or_the_user_timeout() {
        let mut record = closed(libc::ETIMEDOUT);
        record.socket.state = SYN_SENT;
        assert_eq!(cause_of(&record), Cause::RetransmitTimeout);
        record.socket.user_timeout_ms = 10_000;
        assert_eq!(cause_of(&record), Cause::UserTimeout);
        // It is not over yet: the SYNs were.
        record.socket.user_timeout_ms = 10_001;
        assert_eq!(cause_of(&record), Cause::RetransmitTimeout);
        record.socket.user_timeout_ms = 1;
        record.errno = u16::try_from(libc::EHOSTUNREACH).unwrap();
        assert_eq!(cause_of(&record), Cause::RetransmitTimeout);
    }

    #[test]
    fn what_this_observer_does_not_know_is_no_event() {
        let changes: [fn(&mut EventRecord); 4] = [
            |record| record.kind = 99,
            |record| record.kind = EventKind::Opened as u8,
            |record| (record.kind, record.option) = (EventKind::Set as u8, 77),
            |record| record.socket.family = 1,
        ];
        for change in changes {
            let mut record = closed(0);
            change(&mut record);
            assert_eq!(event(&record, units()), None);
        }
    }
}
