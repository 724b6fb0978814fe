//! The columns of the table: what each shows of a socket.

use super::set_option;
use crate::model::{Cgroup, Keepalive, Owner, Socket, State};
use crate::policy::{Health, Judged, JudgedRef, Reason, Verdict};
use crate::text::{escape, push};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Verdict,
    Health,
    Quiet,
    Idle,
    Age,
    Limit,
    Path,
    Keepalive,
    Next,
    Detect,
    UserTimeout,
    Timer,
    State,
    Local,
    Remote,
    Netns,
    Uid,
    Unit,
    Inode,
    Cookie,
    Reasons,
    Set,
    Owner,
    Owners,
}

/// The danger first, then what explains it, then whose it is. The last column is not padded.
const TABLE: [Column; 11] = [
    Column::Verdict,
    Column::Health,
    Column::Quiet,
    Column::Limit,
    Column::Keepalive,
    Column::Next,
    Column::Timer,
    Column::State,
    Column::Local,
    Column::Remote,
    Column::Owner,
];

const WIDE: [Column; 23] = [
    Column::Verdict,
    Column::Health,
    Column::Quiet,
    Column::Idle,
    Column::Age,
    Column::Limit,
    Column::Path,
    Column::Keepalive,
    Column::Next,
    Column::Detect,
    Column::UserTimeout,
    Column::Timer,
    Column::State,
    Column::Local,
    Column::Remote,
    Column::Netns,
    Column::Uid,
    Column::Unit,
    Column::Inode,
    Column::Cookie,
    Column::Reasons,
    Column::Set,
    Column::Owners,
];

/// The columns to show. As with ss, the state is left out of the narrow table where it would say
/// `established` in every line.
pub(crate) fn chosen(wide: bool, sockets: &[JudgedRef<'_>]) -> Vec<Column> {
    if wide {
        return WIDE.to_vec();
    }
    let one_state = sockets
        .iter()
        .all(|judged| judged.socket.state == State::Established);
    TABLE
        .into_iter()
        .filter(|column| !(one_state && *column == Column::State))
        .collect()
}

impl Column {
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Verdict => "VERDICT",
            Self::Health => "HEALTH",
            Self::Quiet => "QUIET",
            Self::Idle => "IDLE",
            Self::Age => "AGE",
            Self::Limit => "LIMIT",
            Self::Path => "PATH",
            Self::Keepalive => "KEEPALIVE",
            Self::Next => "NEXT",
            Self::Detect => "DETECT",
            Self::UserTimeout => "USER-TIMEOUT",
            Self::Timer => "TIMER",
            Self::State => "STATE",
            Self::Local => "LOCAL",
            Self::Remote => "REMOTE",
            Self::Netns => "NETNS",
            Self::Uid => "UID",
            Self::Unit => "UNIT",
            Self::Inode => "INODE",
            Self::Cookie => "COOKIE",
            Self::Reasons => "REASONS",
            Self::Set => "SET",
            Self::Owner => "OWNER",
            Self::Owners => "OWNERS",
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(
            self,
            Self::Quiet
                | Self::Idle
                | Self::Age
                | Self::Limit
                | Self::Next
                | Self::Detect
                | Self::UserTimeout
                | Self::Netns
                | Self::Uid
                | Self::Inode
                | Self::Cookie
        )
    }

    pub(crate) fn push(self, out: &mut Vec<u8>, judged: &JudgedRef<'_>) {
        let Judged { socket, judgement } = judged;
        let past = socket.past.as_deref();
        match self {
            Self::Verdict => text(out, judgement.verdict.map(Verdict::name)),
            Self::Health => text(out, judgement.health.map(Health::name)),
            Self::Quiet => duration(out, socket.idle.quiet_ms()),
            Self::Idle => duration(out, socket.idle.data_ms()),
            Self::Age => duration(out, past.and_then(|past| past.age_ms)),
            Self::Limit => match judgement.path.limit_s {
                Some(limit_s) => push::duration(out, limit_s.saturating_mul(1000)),
                None => out.push(b'-'),
            },
            Self::Path => text(out, Some(&judgement.path.from)),
            Self::Keepalive => keepalive(out, &socket.keepalive),
            Self::Next => next_probe(out, socket),
            Self::Detect => match socket.keepalive.enabled {
                Some(false) => out.push(b'-'),
                _ => duration(
                    out,
                    socket.keepalive.detect_s().map(|s| s.saturating_mul(1000)),
                ),
            },
            Self::UserTimeout => match socket.keepalive.user_timeout_ms {
                Some(0) => out.push(b'-'),
                timeout_ms => duration(out, timeout_ms.map(u64::from)),
            },
            Self::Timer => match socket.timer {
                Some(timer) => push::netstat(out, timer),
                None => out.push(b'?'),
            },
            Self::State => text(out, Some(socket.state.name())),
            Self::Local => push::end(out, socket.local),
            Self::Remote => push::end(out, socket.remote),
            Self::Netns => push::int_or_unknown(out, socket.netns),
            Self::Uid => push::int_or_unknown(out, socket.uid),
            Self::Unit => match socket.cgroup.as_deref() {
                Some(cgroup) => unit(out, cgroup),
                None => out.push(b'?'),
            },
            Self::Inode => push::int_or_unknown(out, socket.inode),
            Self::Cookie => push::int_or_unknown(out, socket.cookie),
            Self::Reasons => reasons(out, judged),
            Self::Set => match past.and_then(|past| past.last_set) {
                Some(last) => set_option::push_last(out, &last),
                None => out.push(b'?'),
            },
            Self::Owner => first_owner(out, socket),
            Self::Owners => all_owners(out, socket),
        }
    }
}

fn text(out: &mut Vec<u8>, text: Option<&str>) {
    out.extend_from_slice(text.unwrap_or("?").as_bytes());
}

fn duration(out: &mut Vec<u8>, ms: Option<u64>) {
    match ms {
        Some(ms) => push::duration(out, ms),
        None => out.push(b'?'),
    }
}

/// `off`, or idle/interval/probes in the units of the socket options: `60/60/9`. Values that were
/// set on a socket whose switch is off show after it.
fn keepalive(out: &mut Vec<u8>, keepalive: &Keepalive) {
    match keepalive.enabled {
        None => return out.push(b'?'),
        Some(true) => {}
        Some(false) => {
            out.extend_from_slice(b"off");
            if keepalive.values_set() != Some(true) {
                return;
            }
            out.push(b' ');
        }
    }
    push::int_or_unknown(out, keepalive.idle.value);
    out.push(b'/');
    push::int_or_unknown(out, keepalive.interval.value);
    out.push(b'/');
    push::int_or_unknown(out, keepalive.probes.value);
}

/// Time until the next probe: `-` where none will leave, `?` where that is not known.
fn next_probe(out: &mut Vec<u8>, socket: &Socket) {
    let Keepalive {
        enabled,
        next_probe_ms,
        unanswered,
        ..
    } = socket.keepalive;
    let none_will = enabled == Some(false)
        || socket.in_flight == Some(true)
        || !socket.state.is_connected()
        || unanswered.is_some_and(|probes| probes > 0);
    match next_probe_ms {
        None if none_will => out.push(b'-'),
        next_probe_ms => duration(out, next_probe_ms),
    }
}

/// The container as its runtime's tools show it, else the systemd unit, else the path.
fn unit(out: &mut Vec<u8>, cgroup: &Cgroup) {
    if let Some(container) = &cgroup.container {
        out.extend_from_slice(container.runtime.as_bytes());
        out.push(b':');
        let short = container.id.get(..12).unwrap_or(&container.id);
        return escape::push_text(out, short.as_bytes());
    }
    let name = cgroup.unit.as_deref().unwrap_or(&cgroup.path);
    escape::push_text(out, name.as_bytes());
}

fn reasons(out: &mut Vec<u8>, judged: &JudgedRef<'_>) {
    let before = out.len();
    for reason in judged.judgement.reasons.iter().map(Reason::name) {
        if out.len() > before {
            out.push(b',');
        }
        out.extend_from_slice(reason.as_bytes());
    }
    if out.len() == before {
        out.push(b'-');
    }
}

/// netstat's form, `812/python3`, and how many more hold it.
fn first_owner(out: &mut Vec<u8>, socket: &Socket) {
    match socket.owners.as_slice() {
        [] => no_owner(out, socket),
        [first, others @ ..] => {
            owner(out, first);
            if !others.is_empty() {
                out.extend_from_slice(b" +");
                push::int(out, others.len());
            }
        }
    }
}

/// Each with its descriptor: `812/python3:5,813/python3:5`.
fn all_owners(out: &mut Vec<u8>, socket: &Socket) {
    if socket.owners.is_empty() {
        return no_owner(out, socket);
    }
    for (i, each) in socket.owners.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        owner(out, each);
        out.push(b':');
        push::int(out, each.fd);
    }
}

fn owner(out: &mut Vec<u8>, owner: &Owner) {
    push::int(out, owner.pid);
    out.push(b'/');
    escape::push_text(out, owner.comm.as_bytes());
}

fn no_owner(out: &mut Vec<u8>, socket: &Socket) {
    text(
        out,
        socket
            .kernel_owned
            .map(|kernel| if kernel { "kernel" } else { "-" }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Setting;
    use crate::policy::{Policy, testing};

    #[test]
    fn the_longest_times_are_shown() {
        let mut socket = testing::socket();
        let most = Setting::from_kernel(u32::MAX, None);
        socket.keepalive.enabled = Some(true);
        socket.keepalive.interval = most;
        socket.keepalive.probes = most;
        let policy = Policy::default();
        let judged = Judged {
            socket: &socket,
            judgement: policy.judge(&socket),
        };
        let mut out = Vec::new();
        Column::Detect.push(&mut out, &judged);
        assert!(out.starts_with(b"213503982334d"), "{}", out.escape_ascii());
    }
}
