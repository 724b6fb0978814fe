//! One event in words: what happened, and how much it calls for attention.

use super::clock::Clock;
use super::set_option;
use crate::model::{Cause, Event, EventDetail, Process, State};
use crate::text::escape;
use crate::text::push::{self, raw};

/// Urgency of something shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// As other text.
    #[default]
    Plain,
    /// Less than other text.
    Dim,
    /// A warning.
    Warn,
    /// Lost, or soon.
    Bad,
}

impl Tone {
    /// That of an event.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        match event.detail {
            EventDetail::Set(set) if set.errno != 0 => Self::Bad,
            EventDetail::Set(_) | EventDetail::Opened(_) => Self::Plain,
            EventDetail::Probe { unanswered: 0 } => Self::Plain,
            EventDetail::Probe { .. } => Self::Warn,
            EventDetail::Closed(Cause::Closed) => Self::Dim,
            EventDetail::Closed(Cause::Reset) => Self::Warn,
            EventDetail::Closed(_) => Self::Bad,
        }
    }
}

/// An event as a short line without columns, escaped: `08:00:12 probe 812/python3 203.0.113.9:443
/// unanswered 0, quiet 10s`. A process in parentheses did not act itself: it opened the connection.
#[must_use]
pub fn short(event: &Event, clock: Clock) -> String {
    let mut out = Vec::new();
    push_short(&mut out, event, clock.wall_ms(event.at_ns));
    String::from_utf8_lossy(&out).into_owned()
}

fn push_short(out: &mut Vec<u8>, event: &Event, at_ms: i64) {
    push::time_of_day(out, at_ms);
    // Without the milliseconds.
    out.truncate(out.len().saturating_sub(4));
    out.push(b' ');
    let kind = event.detail.kind().name();
    raw(out, kind);
    let padding = "opened ".len().saturating_sub(kind.len());
    out.resize(out.len() + padding, b' ');
    match (event.actor, event.owner) {
        (Some(actor), _) => name(out, actor),
        (None, Some(owner)) => {
            out.push(b'(');
            name(out, owner);
            out.push(b')');
        }
        (None, None) => out.push(b'?'),
    }
    out.push(b' ');
    push::end(out, event.socket.remote);
    out.push(b' ');
    push_what(out, event);
}

fn name(out: &mut Vec<u8>, process: Process) {
    push::int(out, process.pid);
    out.push(b'/');
    escape::push_text(out, process.comm.as_bytes());
}

/// Appends what happened: `TCP_KEEPIDLE 60`, `unanswered 0, quiet 10s`.
pub(crate) fn push_what(out: &mut Vec<u8>, event: &Event) {
    let quiet_ms = event.socket.idle.quiet_ms();
    match event.detail {
        EventDetail::Set(option) => set_option::push(out, &option),
        EventDetail::Opened(side) => raw(out, side.name()),
        EventDetail::Probe { unanswered } => {
            raw(out, "unanswered ");
            push::int(out, unanswered);
            duration(out, ", quiet ", quiet_ms);
        }
        EventDetail::Closed(cause) => {
            raw(out, cause.name());
            // An attempt to connect that failed, which is another thing than a lost connection.
            if matches!(event.socket.state, State::SynSent | State::SynRecv) {
                raw(out, " in ");
                raw(out, event.socket.state.name());
            }
            duration(out, ", quiet ", quiet_ms);
            duration(out, ", age ", event.age_ms);
        }
    }
}

fn duration(out: &mut Vec<u8>, before: &str, ms: Option<u64>) {
    raw(out, before);
    match ms {
        Some(ms) => push::duration(out, ms),
        None => out.push(b'?'),
    }
}
