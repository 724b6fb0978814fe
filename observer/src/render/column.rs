//! The columns of the table, and what each shows of a socket: one definition each.

use super::set_option;
use crate::model::{Cgroup, Keepalive, Owner, Past, Socket, State};
use crate::policy::{Health, JudgedRef, Reason, Verdict};
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

/// All that there is to say of one column.
struct Definition {
    column: Column,
    header: &'static str,
    align: Align,
    shown: Shown,
    /// Writes what it shows of a socket.
    cell: fn(&mut Vec<u8>, &JudgedRef<'_>),
}

/// Side on which cells are flush.
#[derive(PartialEq, Eq)]
enum Align {
    Left,
    /// Numbers and times.
    Right,
}

/// Tables that have a column.
#[derive(PartialEq, Eq)]
enum Shown {
    Always,
    /// Only that of `-o wide`.
    Wide,
    /// Only the other.
    Narrow,
}

/// Every column, in the order of the tables: the danger first, then what explains it, then whose it
/// is. The last one shown is not padded.
const TABLE: [Definition; 24] = [
    Definition {
        column: Column::Verdict,
        header: "VERDICT",
        align: Align::Left,
        shown: Shown::Always,
        cell: |out, judged| text(out, judged.judgement.verdict.map(Verdict::name)),
    },
    Definition {
        column: Column::Health,
        header: "HEALTH",
        align: Align::Left,
        shown: Shown::Always,
        cell: |out, judged| text(out, judged.judgement.health.map(Health::name)),
    },
    Definition {
        column: Column::Quiet,
        header: "QUIET",
        align: Align::Right,
        shown: Shown::Always,
        cell: |out, judged| duration(out, judged.socket.idle.quiet_ms()),
    },
    Definition {
        column: Column::Idle,
        header: "IDLE",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| duration(out, judged.socket.idle.data_ms()),
    },
    Definition {
        column: Column::Age,
        header: "AGE",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| duration(out, past(judged).and_then(|past| past.age_ms)),
    },
    Definition {
        column: Column::Limit,
        header: "LIMIT",
        align: Align::Right,
        shown: Shown::Always,
        cell: |out, judged| match judged.judgement.path.limit_s {
            Some(limit_s) => push::duration(out, limit_s.saturating_mul(1000)),
            None => out.push(b'-'),
        },
    },
    Definition {
        column: Column::Path,
        header: "PATH",
        align: Align::Left,
        shown: Shown::Wide,
        cell: |out, judged| text(out, Some(&judged.judgement.path.from)),
    },
    Definition {
        column: Column::Keepalive,
        header: "KEEPALIVE",
        align: Align::Left,
        shown: Shown::Always,
        cell: |out, judged| keepalive(out, &judged.socket.keepalive),
    },
    Definition {
        column: Column::Next,
        header: "NEXT",
        align: Align::Right,
        shown: Shown::Always,
        cell: |out, judged| next_probe(out, judged.socket),
    },
    Definition {
        column: Column::Detect,
        header: "DETECT",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| detect(out, &judged.socket.keepalive),
    },
    Definition {
        column: Column::UserTimeout,
        header: "USER-TIMEOUT",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| match judged.socket.keepalive.user_timeout_ms {
            Some(0) => out.push(b'-'),
            timeout_ms => duration(out, timeout_ms.map(u64::from)),
        },
    },
    Definition {
        column: Column::Timer,
        header: "TIMER",
        align: Align::Left,
        shown: Shown::Always,
        cell: |out, judged| match judged.socket.timer {
            Some(timer) => push::netstat(out, timer),
            None => out.push(b'?'),
        },
    },
    Definition {
        column: Column::State,
        header: "STATE",
        align: Align::Left,
        shown: Shown::Always,
        cell: |out, judged| text(out, Some(judged.socket.state.name())),
    },
    Definition {
        column: Column::Local,
        header: "LOCAL",
        align: Align::Left,
        shown: Shown::Always,
        cell: |out, judged| push::end(out, judged.socket.local),
    },
    Definition {
        column: Column::Remote,
        header: "REMOTE",
        align: Align::Left,
        shown: Shown::Always,
        cell: |out, judged| push::end(out, judged.socket.remote),
    },
    Definition {
        column: Column::Netns,
        header: "NETNS",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| push::int_or_unknown(out, judged.socket.netns),
    },
    Definition {
        column: Column::Uid,
        header: "UID",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| push::int_or_unknown(out, judged.socket.uid),
    },
    Definition {
        column: Column::Unit,
        header: "UNIT",
        align: Align::Left,
        shown: Shown::Wide,
        cell: |out, judged| match judged.socket.cgroup.as_deref() {
            Some(cgroup) => unit(out, cgroup),
            None => out.push(b'?'),
        },
    },
    Definition {
        column: Column::Inode,
        header: "INODE",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| push::int_or_unknown(out, judged.socket.inode),
    },
    Definition {
        column: Column::Cookie,
        header: "COOKIE",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| push::int_or_unknown(out, judged.socket.cookie),
    },
    Definition {
        column: Column::Reasons,
        header: "REASONS",
        align: Align::Left,
        shown: Shown::Wide,
        cell: reasons,
    },
    Definition {
        column: Column::Set,
        header: "SET",
        align: Align::Left,
        shown: Shown::Wide,
        cell: |out, judged| match past(judged).and_then(|past| past.last_set) {
            Some(last) => set_option::push_last(out, &last),
            None => out.push(b'?'),
        },
    },
    Definition {
        column: Column::Owner,
        header: "OWNER",
        align: Align::Left,
        shown: Shown::Narrow,
        cell: |out, judged| first_owner(out, judged.socket),
    },
    Definition {
        column: Column::Owners,
        header: "OWNERS",
        align: Align::Left,
        shown: Shown::Wide,
        cell: |out, judged| all_owners(out, judged.socket),
    },
];

/// Every column, in the order of the tables.
const ALL: [Column; TABLE.len()] = {
    let mut all = [Column::Verdict; TABLE.len()];
    let mut i = 0;
    while i < TABLE.len() {
        all[i] = TABLE[i].column;
        assert!(
            all[i] as usize == i,
            "a definition is found by its column's number"
        );
        i += 1;
    }
    all
};

/// The columns to show. As with ss, the state is left out of the narrow table where it would say
/// `established` in every line.
pub(crate) fn chosen(wide: bool, sockets: &[JudgedRef<'_>]) -> Vec<Column> {
    let left_out = if wide { Shown::Narrow } else { Shown::Wide };
    let one_state = sockets
        .iter()
        .all(|judged| judged.socket.state == State::Established);
    ALL.into_iter()
        .filter(|column| column.definition().shown != left_out)
        .filter(|column| wide || !one_state || *column != Column::State)
        .collect()
}

impl Column {
    const fn definition(self) -> &'static Definition {
        &TABLE[self as usize]
    }

    pub(crate) const fn header(self) -> &'static str {
        self.definition().header
    }

    /// Cells flush on the right, as numbers and times are.
    pub(crate) fn is_number(self) -> bool {
        self.definition().align == Align::Right
    }

    pub(crate) fn push(self, out: &mut Vec<u8>, judged: &JudgedRef<'_>) {
        (self.definition().cell)(out, judged);
    }
}

fn past<'a>(judged: &JudgedRef<'a>) -> Option<&'a Past> {
    judged.socket.past.as_deref()
}

fn detect(out: &mut Vec<u8>, keepalive: &Keepalive) {
    match keepalive.enabled {
        Some(false) => out.push(b'-'),
        _ => duration(out, keepalive.detect_s().map(|s| s.saturating_mul(1000))),
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
    use crate::policy::{Judged, Policy, testing};

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
