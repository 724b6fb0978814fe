//! Fixed events of every kind, with everything known and with nothing known.

use observer::model::SetOption;
use observer::model::{
    Cause, Comm, Event, EventDetail, Idle, KeepaliveOption, Process, Side, Socket, State, Via,
};

use super::sockets;

/// When the queue was read: 2026-11-21T08:00:00Z, and what the clock of events said then.
pub(crate) const TAKEN_WALL_NS: i128 = 1_795_248_000_000_000_000;
pub(crate) const TAKEN_NS: u64 = 900_000_000_000;

pub(crate) fn all() -> Vec<Event> {
    let mut events = vec![
        set(known(), SET),
        set_through_io_uring(),
        refused_on_a_listener(),
        refused_for_an_odd_reason(),
        set_by_the_kernel_for_itself(),
        set_by_a_hostile_name(),
        opened(sockets::off(), Side::Connect),
        opened(sockets::ipv6(), Side::Accept),
        probe(60_000, 0),
        probe(200_000, 1),
        probe_of_unknown(),
        closed(Cause::KeepaliveTimeout),
        closed(Cause::UserTimeout),
        closed(Cause::RetransmitTimeout),
        closed(Cause::Reset),
        closed(Cause::Closed),
        refused_by_the_peer(),
        closed_unknown(),
    ];
    let taken_ns = TAKEN_NS - 1_500_000_000 * events.len() as u64;
    for (n, event) in (0..).zip(&mut events) {
        event.at_ns = taken_ns + 1_500_999_999 * n;
        event.socket.cookie = event.socket.cookie.map(|_| 4711);
        event.socket.local.set_port(match event.socket.state {
            State::Close => 0,
            _ => 51122,
        });
    }
    events
}

const SET: SetOption = SetOption {
    option: KeepaliveOption::Idle,
    asked: Some(60),
    value: Some(60),
    errno: 0,
    via: Some(Via::Syscall),
};

fn process(pid: u32, comm: &[u8]) -> Process {
    Process {
        pid,
        comm: Comm::new(comm),
    }
}

/// An event of a connection whose past is known; what happened is filled in.
fn known() -> Event {
    let mut socket = sockets::off();
    socket.keepalive.enabled = Some(true);
    socket.keepalive.idle.value = Some(60);
    Event {
        at_ns: 0,
        socket,
        actor: Some(process(812, b"python3")),
        owner: Some(process(812, b"python3")),
        age_ms: Some(300_000),
        detail: EventDetail::Set(SET),
    }
}

/// The same by the kernel's own doing.
fn by_kernel() -> Event {
    Event {
        actor: None,
        ..known()
    }
}

fn unknown() -> Event {
    Event {
        at_ns: 0,
        socket: sockets::unknown(),
        actor: None,
        owner: None,
        age_ms: None,
        detail: EventDetail::Closed(Cause::Closed),
    }
}

fn set(event: Event, set: SetOption) -> Event {
    Event {
        detail: EventDetail::Set(set),
        ..event
    }
}

/// The last packet was an acknowledgement, a while after the last data.
fn quiet(mut socket: Socket, ms: u64) -> Socket {
    socket.idle = Idle {
        ack_ms: Some(ms),
        ..sockets::quiet(ms + 5000)
    };
    socket
}

/// A switch, before the socket connects, by another process than the one that will.
fn set_through_io_uring() -> Event {
    let mut event = known();
    event.socket.state = State::Close;
    event.socket.local = "0.0.0.0:0".parse().unwrap();
    event.socket.remote = "0.0.0.0:0".parse().unwrap();
    event.socket.idle = Idle::default();
    event.actor = Some(process(813, b"worker"));
    event.owner = None;
    let switch = SetOption {
        option: KeepaliveOption::Keepalive,
        asked: Some(5),
        value: Some(1),
        via: Some(Via::IoUring),
        ..SET
    };
    set(event, switch)
}

fn refused_on_a_listener() -> Event {
    let event = Event {
        socket: sockets::listener(),
        actor: Some(process(9131, b"nginx")),
        owner: None,
        age_ms: None,
        ..known()
    };
    let refused = SetOption {
        asked: Some(0),
        value: Some(7200),
        errno: 22,
        ..SET
    };
    set(event, refused)
}

fn refused_for_an_odd_reason() -> Event {
    let refused = SetOption {
        option: KeepaliveOption::UserTimeout,
        asked: Some(-1),
        value: Some(0),
        errno: 524,
        ..SET
    };
    set(known(), refused)
}

fn set_by_the_kernel_for_itself() -> Event {
    let event = Event {
        socket: sockets::kernel_owned(),
        owner: None,
        ..by_kernel()
    };
    let by_kernel = SetOption {
        option: KeepaliveOption::Probes,
        asked: Some(3),
        value: Some(3),
        via: Some(Via::Kernel),
        ..SET
    };
    set(event, by_kernel)
}

fn set_by_a_hostile_name() -> Event {
    let event = Event {
        actor: Some(process(666, b"\x1b[2Jx\n\"\\\xff\xe2\x80\xae")),
        owner: Some(process(4_000_000, b"(sd-pam)")),
        ..unknown()
    };
    let unread = SetOption {
        option: KeepaliveOption::Interval,
        asked: None,
        value: None,
        errno: 0,
        via: None,
    };
    set(event, unread)
}

fn opened(socket: Socket, side: Side) -> Event {
    Event {
        socket,
        age_ms: Some(0),
        detail: EventDetail::Opened(side),
        ..known()
    }
}

fn probe(quiet_ms: u64, unanswered: u32) -> Event {
    let event = by_kernel();
    Event {
        socket: quiet(event.socket.clone(), quiet_ms),
        detail: EventDetail::Probe { unanswered },
        ..event
    }
}

fn probe_of_unknown() -> Event {
    Event {
        detail: EventDetail::Probe { unanswered: 2 },
        ..unknown()
    }
}

fn closed(cause: Cause) -> Event {
    let by_close = cause == Cause::Closed;
    let event = if by_close { known() } else { by_kernel() };
    let mut socket = quiet(event.socket.clone(), 240_000);
    if by_close {
        socket.state = State::FinWait2;
    }
    Event {
        socket,
        detail: EventDetail::Closed(cause),
        ..event
    }
}

fn refused_by_the_peer() -> Event {
    let mut event = by_kernel();
    event.socket.state = State::SynSent;
    event.socket.idle = Idle::default();
    event.age_ms = Some(1);
    event.detail = EventDetail::Closed(Cause::Reset);
    event
}

fn closed_unknown() -> Event {
    unknown()
}
