//! One event, as one JSON object on a line.

use std::io::Write as _;

use crate::model::{Event, EventDetail, Process};
use crate::policy::Verdict;
use crate::text::json::{comm, end, number, optional, process, set_option, string};
use crate::text::push::{self, raw};

pub(super) fn event(out: &mut Vec<u8>, event: &Event, verdict: Option<Verdict>, at_ms: i64) {
    let socket = &event.socket;
    head(out, at_ms, event.detail.kind().name());
    raw(out, ",\"cookie\":");
    number(out, socket.cookie);
    raw(out, ",\"netns\":");
    number(out, socket.netns);
    raw(out, ",\"family\":");
    string(out, socket.family.name());
    raw(out, ",\"local\":");
    end(out, socket.local);
    raw(out, ",\"remote\":");
    end(out, socket.remote);
    raw(out, ",\"state\":");
    string(out, socket.state.name());
    raw(out, ",\"verdict\":");
    optional(out, verdict.map(Verdict::name), string);
    raw(out, ",\"pid\":");
    number(out, event.actor.map(|actor| actor.pid));
    raw(out, ",\"comm\":");
    optional(out, event.actor.map(|actor| actor.comm), comm);
    raw(out, ",\"owner\":");
    optional(out, event.owner, owner);
    match event.detail {
        EventDetail::Set(set) => {
            out.push(b',');
            set_option(out, &set);
        }
        EventDetail::Opened(side) => {
            raw(out, ",\"side\":");
            string(out, side.name());
        }
        EventDetail::Probe { unanswered } => {
            raw(out, ",\"unanswered\":");
            push::int(out, unanswered);
            raw(out, ",\"quiet_ms\":");
            number(out, socket.idle.quiet_ms());
        }
        EventDetail::Closed(cause) => {
            raw(out, ",\"cause\":");
            string(out, cause.name());
            raw(out, ",\"quiet_ms\":");
            number(out, socket.idle.quiet_ms());
            raw(out, ",\"heard_ms\":");
            number(out, socket.idle.heard_ms());
            raw(out, ",\"age_ms\":");
            number(out, event.age_ms);
        }
    }
    raw(out, "}\n");
}

pub(super) fn lost(out: &mut Vec<u8>, count: u64, at_ms: i64) {
    head(out, at_ms, "lost");
    for common in [
        "cookie", "netns", "family", "local", "remote", "state", "verdict", "pid", "comm", "owner",
    ] {
        raw(out, ",\"");
        raw(out, common);
        raw(out, "\":null");
    }
    raw(out, ",\"count\":");
    push::int(out, count);
    raw(out, "}\n");
}

fn head(out: &mut Vec<u8>, at_ms: i64, kind: &str) {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(if at_ms < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    });
    // Writing into a Vec cannot fail.
    drop(write!(out, "{{\"at\":\"{at:.3}\",\"kind\":"));
    string(out, kind);
}

fn owner(out: &mut Vec<u8>, owner: Process) {
    raw(out, "{");
    process(out, owner.pid, owner.comm);
    out.push(b'}');
}
