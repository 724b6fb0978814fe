//! From a note to a socket's past. Pure functions.

use observer_common::Note;
use observer_common::note::{SetOption, Via as NoteVia, flag};

use crate::kernel::decode::comm;
use crate::model::{self, KeepaliveOption, LastSet, Past, Process, Socket, Via};

/// Adds to `socket` what is remembered of it. `now_ns` is `CLOCK_MONOTONIC` when the note was read;
/// `hz` jiffies a second, 0 where not known.
pub(in crate::kernel) fn add(socket: &mut Socket, note: &Note, now_ns: u64, hz: u32) {
    let seen_from_birth = note.born_ns != 0;
    let past = Past {
        age_ms: since_ms(now_ns, note.born_ns),
        // Probes before the note was made were not seen.
        sent: seen_from_birth.then_some(note.probes),
        last_set: last_set(socket, note, now_ns, hz),
    };
    if let Some(probe_ms) = since_ms(now_ns, note.probe_ns) {
        let known = socket.idle.probe_ms;
        socket.idle.probe_ms = Some(known.map_or(probe_ms, |ms| ms.min(probe_ms)));
    }
    socket.past = Some(Box::new(past));
}

/// Time since a stamp; `None` for one that is 0.
pub(super) fn since_ms(now_ns: u64, then_ns: u64) -> Option<u64> {
    (then_ns != 0).then(|| now_ns.saturating_sub(then_ns) / 1_000_000)
}

fn last_set(socket: &Socket, note: &Note, now_ns: u64, hz: u32) -> Option<LastSet> {
    let option = option(note.option)?;
    Some(LastSet {
        set: model::SetOption {
            option,
            asked: (note.flags & flag::ASKED != 0).then_some(note.asked),
            value: held(option, note.value, hz).or_else(|| option.held(socket)),
            errno: note.errno,
            via: via(note.via),
        },
        process: process(note.set_pid, note.set_comm),
        ago_ms: since_ms(now_ns, note.set_ns)?,
        inherited: note.flags & flag::INHERITED != 0,
    })
}

/// What the kernel held, in the option's own unit. `None` where it held 0, which for the probe
/// values means the sysctl: that is what the socket has now.
fn held(option: KeepaliveOption, value: u32, hz: u32) -> Option<u32> {
    match option {
        KeepaliveOption::Keepalive | KeepaliveOption::UserTimeout => Some(value),
        _ if value == 0 => None,
        KeepaliveOption::Probes => Some(value),
        KeepaliveOption::Idle | KeepaliveOption::Interval => value.checked_div(hz),
    }
}

pub(super) fn option(number: u8) -> Option<KeepaliveOption> {
    SetOption::from_number(number).map(|option| match option {
        SetOption::Keepalive => KeepaliveOption::Keepalive,
        SetOption::Idle => KeepaliveOption::Idle,
        SetOption::Interval => KeepaliveOption::Interval,
        SetOption::Probes => KeepaliveOption::Probes,
        SetOption::UserTimeout => KeepaliveOption::UserTimeout,
    })
}

pub(super) fn via(number: u8) -> Option<Via> {
    match NoteVia::from_number(number)? {
        NoteVia::Unknown => None,
        NoteVia::Syscall => Some(Via::Syscall),
        NoteVia::IoUring => Some(Via::IoUring),
        NoteVia::Kernel => Some(Via::Kernel),
    }
}

/// A process; `None` where none acted, or one that observer's PID namespace does not show.
pub(super) fn process(pid: u32, name: [u64; 2]) -> Option<Process> {
    (pid != 0).then(|| Process {
        pid,
        comm: comm(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::socket;

    const S: u64 = 1_000_000_000;

    fn note() -> Note {
        Note {
            born_ns: 10 * S,
            set_ns: 11 * S,
            set_pid: 812,
            set_comm: [u64::from_ne_bytes(*b"curl\0\0\0\0"), 0],
            asked: 60,
            value: 60 * 250,
            option: SetOption::Idle as u8,
            via: NoteVia::Syscall as u8,
            flags: flag::ASKED,
            probes: 3,
            probe_ns: 19 * S,
            ..Note::default()
        }
    }

    fn past(note: &Note) -> Past {
        let mut socket = socket();
        add(&mut socket, note, 20 * S, 250);
        *socket.past.unwrap()
    }

    #[test]
    fn a_note_becomes_the_past() {
        let past = past(&note());
        assert_eq!((past.age_ms, past.sent), (Some(10_000), Some(3)));
        let last = past.last_set.unwrap();
        let set = last.set;
        assert_eq!(set.option, KeepaliveOption::Idle);
        assert_eq!((set.asked, set.value, set.errno), (Some(60), Some(60), 0));
        assert_eq!((set.via, last.ago_ms), (Some(Via::Syscall), 9_000));
        let process = last.process.unwrap();
        assert_eq!((process.pid, process.comm.as_bytes()), (812, &b"curl"[..]));
        assert!(!last.inherited);
    }

    #[test]
    fn what_was_before_observer_is_unknown() {
        let old = Note {
            born_ns: 0,
            set_ns: 0,
            option: 0,
            ..note()
        };
        assert_eq!(past(&old), Past::default());
    }

    #[test]
    fn a_probe_that_was_seen_shortens_the_silence() {
        let mut socket = socket();
        socket.idle.probe_ms = None;
        add(&mut socket, &note(), 20 * S, 250);
        assert_eq!(socket.idle.probe_ms, Some(1_000));
        socket.idle.probe_ms = Some(400);
        add(&mut socket, &note(), 20 * S, 250);
        assert_eq!(socket.idle.probe_ms, Some(400));
    }

    #[test]
    fn a_value_of_the_system_is_what_the_socket_has() {
        let mut socket = socket();
        socket.keepalive.idle.value = Some(7200);
        let unset = Note { value: 0, ..note() };
        add(&mut socket, &unset, 20 * S, 250);
        let set = socket.past.unwrap().last_set.unwrap();
        assert_eq!(set.set.value, Some(7200));
    }

    #[test]
    fn what_cannot_be_told_is_none() {
        let unknown = Note {
            flags: flag::INHERITED,
            via: 9,
            set_pid: 0,
            ..note()
        };
        let last = past(&unknown).last_set.unwrap();
        let asked = (last.set.asked, last.set.via, last.process);
        assert_eq!(asked, (None, None, None));
        assert!(last.inherited);
        let nonsense = Note {
            option: 99,
            ..note()
        };
        assert_eq!(past(&nonsense).last_set, None);
    }
}
