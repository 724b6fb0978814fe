//! Output about a socket or an event, whatever was read: JSON that can be parsed, and lines that
//! cannot fool a terminal.

use crate::model::{Event, Socket};
use crate::policy::{Judged, Policy};
use crate::render::json;
use crate::render::{Clock, short};
use crate::report::table;
use crate::report::trace::{Format, Writer};
use crate::text::escape;

/// Judges a socket and prints it in every way.
pub(super) fn socket(socket: &Socket) {
    let policy = Policy::default();
    let judged = [Judged::by(&policy, socket)];
    let mut out = Vec::new();
    let written = json::lines(&mut out, &judged, 1);
    assert!(written.is_ok());
    let value = one_json_line(&out);
    assert_eq!(value["cookie"].as_u64(), socket.cookie);
    assert_eq!(
        value["keepalive"]["enabled"].as_bool(),
        socket.keepalive.enabled
    );
    assert_eq!(value["idle"]["quiet_ms"].as_u64(), socket.idle.quiet_ms());
    assert_eq!(
        value["owners"].as_array().map(Vec::len),
        Some(socket.owners.len())
    );
    out.clear();
    let style = table::Style {
        wide: true,
        color: false,
    };
    assert!(table::write(&mut out, &judged, style, 1).is_ok());
    assert_eq!(harmless(&out).lines().count(), 2, "a header and a line");
}

/// Prints an event in every way.
pub(super) fn event(event: &Event) {
    let clock = Clock {
        realtime_ns: 1_700_000_000_000_000_000,
        monotonic_ns: 5_000_000_000,
    };
    let verdict = Policy::default().judge(&event.socket).verdict;
    let print = |format| {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, format);
        assert!(writer.event(event, verdict, clock).is_ok() && writer.flush().is_ok());
        drop(writer);
        out
    };
    let value = one_json_line(&print(Format::Jsonl));
    assert_eq!(value["kind"].as_str(), Some(event.detail.kind().name()));
    assert_eq!(value["cookie"].as_u64(), event.socket.cookie);
    let text = print(Format::Text { color: false });
    assert_eq!(harmless(&text).lines().count(), 2, "a header and a line");
    assert_eq!(harmless(short(event, clock).as_bytes()).lines().count(), 1);
}

fn one_json_line(out: &[u8]) -> serde_json::Value {
    let text = harmless(out);
    let line = text.strip_suffix('\n');
    assert!(line.is_some_and(|line| !line.contains('\n')), "{text}");
    match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => unreachable!("{error}: {text}"),
    }
}

/// Output as text that takes no liberties with a terminal.
fn harmless(out: &[u8]) -> &str {
    let text = std::str::from_utf8(out);
    assert!(text.is_ok(), "{out:?}");
    let text = text.unwrap_or_default();
    let hostile = |c: &char| *c != '\n' && escape::is_hostile(*c);
    assert_eq!(text.chars().find(hostile), None, "{text:?}");
    text
}
