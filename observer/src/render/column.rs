//! The columns of the table, and what each shows of a socket: one definition each.

use super::{cell, set_option};
use crate::model::State;
use crate::policy::{Health, JudgedRef, Verdict};
use crate::text::push;

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
        cell: |out, judged| cell::text(out, judged.judgement.verdict.map(Verdict::name)),
    },
    Definition {
        column: Column::Health,
        header: "HEALTH",
        align: Align::Left,
        shown: Shown::Always,
        cell: |out, judged| cell::text(out, judged.judgement.health.map(Health::name)),
    },
    Definition {
        column: Column::Quiet,
        header: "QUIET",
        align: Align::Right,
        shown: Shown::Always,
        cell: |out, judged| cell::duration(out, judged.socket.idle.quiet_ms()),
    },
    Definition {
        column: Column::Idle,
        header: "IDLE",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| cell::duration(out, judged.socket.idle.data_ms()),
    },
    Definition {
        column: Column::Age,
        header: "AGE",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| cell::duration(out, cell::past(judged).and_then(|past| past.age_ms)),
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
        cell: |out, judged| cell::text(out, Some(&judged.judgement.path.from)),
    },
    Definition {
        column: Column::Keepalive,
        header: "KEEPALIVE",
        align: Align::Left,
        shown: Shown::Always,
        cell: |out, judged| cell::keepalive(out, &judged.socket.keepalive),
    },
    Definition {
        column: Column::Next,
        header: "NEXT",
        align: Align::Right,
        shown: Shown::Always,
        cell: |out, judged| cell::next_probe(out, judged.socket),
    },
    Definition {
        column: Column::Detect,
        header: "DETECT",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| cell::detect(out, &judged.socket.keepalive),
    },
    Definition {
        column: Column::UserTimeout,
        header: "USER-TIMEOUT",
        align: Align::Right,
        shown: Shown::Wide,
        cell: |out, judged| match judged.socket.keepalive.user_timeout_ms {
            Some(0) => out.push(b'-'),
            timeout_ms => cell::duration(out, timeout_ms.map(u64::from)),
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
        cell: |out, judged| cell::text(out, Some(judged.socket.state.name())),
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
            Some(cgroup) => cell::unit(out, cgroup),
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
        cell: cell::reasons,
    },
    Definition {
        column: Column::Set,
        header: "SET",
        align: Align::Left,
        shown: Shown::Wide,
        cell: |out, judged| match cell::past(judged).and_then(|past| past.last_set) {
            Some(last) => set_option::push_last(out, &last),
            None => out.push(b'?'),
        },
    },
    Definition {
        column: Column::Owner,
        header: "OWNER",
        align: Align::Left,
        shown: Shown::Narrow,
        cell: |out, judged| cell::first_owner(out, judged.socket),
    },
    Definition {
        column: Column::Owners,
        header: "OWNERS",
        align: Align::Left,
        shown: Shown::Wide,
        cell: |out, judged| cell::all_owners(out, judged.socket),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Setting, testing};
    use crate::policy::{Judged, Policy};

    #[test]
    fn the_longest_times_are_shown() {
        let mut socket = testing::socket();
        let most = Setting::from_kernel(u32::MAX, None);
        socket.keepalive.enabled = Some(true);
        socket.keepalive.interval = most;
        socket.keepalive.probes = most;
        let policy = Policy::default();
        let judged = Judged::by(&policy, &socket);
        let mut out = Vec::new();
        Column::Detect.push(&mut out, &judged);
        assert!(out.starts_with(b"213503982334d"), "{}", out.escape_ascii());
    }
}
