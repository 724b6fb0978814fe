//! Options that were set, as text for people.

use crate::model::{LastSet, SetOption, Via};
use crate::text::escape;
use crate::text::push::{self, raw};

/// Appends what was asked and what came of it: `TCP_KEEPIDLE 60`, `SO_KEEPALIVE asked 5, now 1`,
/// `TCP_KEEPIDLE asked 0 -> EINVAL, stays 7200`; how it was asked only where not by setsockopt:
/// `TCP_KEEPIDLE 60 via io_uring`.
pub(super) fn push(out: &mut Vec<u8>, set: &SetOption) {
    raw(out, set.option.name());
    let as_asked = set.asked.is_some() && set.asked.map(i64::from) == set.value.map(i64::from);
    let done = set.errno == 0 && as_asked;
    raw(out, if done { " " } else { " asked " });
    push::int_or_unknown(out, set.asked);
    match set.via {
        Some(Via::Syscall) => {}
        via => {
            raw(out, " via ");
            raw(out, via.map_or("?", Via::name));
        }
    }
    if done {
        return;
    }
    if set.errno == 0 {
        raw(out, ", now ");
    } else {
        raw(out, " -> ");
        push_errno(out, set.errno);
        raw(out, ", stays ");
    }
    push::int_or_unknown(out, set.value);
}

/// Appends the same with who set it and when: `TCP_KEEPIDLE 60 by 812/python3 5m ago`.
pub(super) fn push_last(out: &mut Vec<u8>, last: &LastSet) {
    push(out, &last.set);
    if let Some(process) = last.process {
        raw(out, " by ");
        push::int(out, process.pid);
        out.push(b'/');
        escape::push_text(out, process.comm.as_bytes());
    }
    out.push(b' ');
    push::duration(out, last.ago_ms);
    raw(out, " ago");
    if last.inherited {
        raw(out, ", inherited");
    }
}

/// The errors that setting an option is known to give; others, from BPF programs that filter such
/// calls, are shown by number.
const ERRORS: [(i32, &str); 19] = [
    (libc::EPERM, "EPERM"),
    (libc::EINTR, "EINTR"),
    (libc::EIO, "EIO"),
    (libc::EBADF, "EBADF"),
    (libc::EAGAIN, "EAGAIN"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::EACCES, "EACCES"),
    (libc::EFAULT, "EFAULT"),
    (libc::EBUSY, "EBUSY"),
    (libc::ENODEV, "ENODEV"),
    (libc::EINVAL, "EINVAL"),
    (libc::EDOM, "EDOM"),
    (libc::ENOSYS, "ENOSYS"),
    (libc::ENOTSOCK, "ENOTSOCK"),
    (libc::ENOPROTOOPT, "ENOPROTOOPT"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP"),
    (libc::ENOBUFS, "ENOBUFS"),
    (libc::EISCONN, "EISCONN"),
    (libc::ENOTCONN, "ENOTCONN"),
];

fn push_errno(out: &mut Vec<u8>, errno: u16) {
    let found = ERRORS
        .iter()
        .find(|(number, _)| *number == i32::from(errno));
    match found {
        Some((_, name)) => raw(out, name),
        None => {
            raw(out, "errno ");
            push::int(out, errno);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Comm, KeepaliveOption, Process};

    fn text(change: impl FnOnce(&mut SetOption)) -> String {
        let mut set = SetOption {
            option: KeepaliveOption::Idle,
            asked: Some(60),
            value: Some(60),
            errno: 0,
            via: Some(Via::Syscall),
        };
        change(&mut set);
        let mut out = Vec::new();
        push(&mut out, &set);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn success_shows_the_value() {
        assert_eq!(text(|_| {}), "TCP_KEEPIDLE 60");
        let switch = |set: &mut SetOption| {
            set.option = KeepaliveOption::Keepalive;
            set.asked = Some(5);
            set.value = Some(1);
        };
        assert_eq!(text(switch), "SO_KEEPALIVE asked 5, now 1");
        assert_eq!(
            text(|set| set.via = Some(Via::IoUring)),
            "TCP_KEEPIDLE 60 via io_uring"
        );
        assert_eq!(
            text(|set| set.via = Some(Via::Kernel)),
            "TCP_KEEPIDLE 60 via kernel"
        );
    }

    #[test]
    fn failure_shows_what_stays() {
        let refused = |set: &mut SetOption| {
            set.asked = Some(0);
            set.value = Some(7200);
            set.errno = 22;
        };
        assert_eq!(text(refused), "TCP_KEEPIDLE asked 0 -> EINVAL, stays 7200");
        // The value asked for was held before.
        assert_eq!(
            text(|set| set.errno = 524),
            "TCP_KEEPIDLE asked 60 -> errno 524, stays 60"
        );
        assert_eq!(
            text(|set| (set.asked, set.errno) = (Some(-1), 1)),
            "TCP_KEEPIDLE asked -1 -> EPERM, stays 60"
        );
    }

    #[test]
    fn what_is_not_known_is_a_question_mark() {
        assert_eq!(
            text(|set| (set.asked, set.value, set.via) = (None, None, None)),
            "TCP_KEEPIDLE asked ? via ?, now ?"
        );
        assert_eq!(
            text(|set| (set.asked, set.value, set.errno) = (None, None, 14)),
            "TCP_KEEPIDLE asked ? -> EFAULT, stays ?"
        );
    }

    #[test]
    fn the_last_names_who_and_when() {
        let mut last = LastSet {
            set: SetOption {
                option: KeepaliveOption::UserTimeout,
                asked: Some(4),
                value: Some(4),
                errno: 0,
                via: Some(Via::Syscall),
            },
            process: Some(Process {
                pid: 812,
                comm: Comm::new(b"a\x1b[2J"),
            }),
            ago_ms: 312_000,
            inherited: true,
        };
        let text = |last: &LastSet| {
            let mut out = Vec::new();
            push_last(&mut out, last);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            text(&last),
            r"TCP_USER_TIMEOUT 4 by 812/a\x1b[2J 5m12s ago, inherited"
        );
        last.process = None;
        last.set.via = Some(Via::Kernel);
        last.inherited = false;
        assert_eq!(text(&last), "TCP_USER_TIMEOUT 4 via kernel 5m12s ago");
    }
}
