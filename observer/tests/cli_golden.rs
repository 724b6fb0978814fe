//! Output for fixed sockets, byte for byte. `UPDATE_GOLDEN=1` writes the files anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use observer::model::Socket;
use observer::model::scan::UnknownField;
use observer::policy::{JudgedRef, Policy};
use observer::render::Clock;
use observer::render::json::{self, Meta};
use observer::render::order::{self, SortOrder};
use observer::report::table::{self, Style};
use observer::report::trace::{Format, Writer};
use observer::text::escape;

use file::assert_golden;

#[path = "golden/events.rs"]
mod events;
#[path = "golden/file.rs"]
mod file;
#[path = "golden/sockets.rs"]
mod sockets;

fn judged<'a>(sockets: &'a [Socket], policy: &'a Policy) -> Vec<JudgedRef<'a>> {
    let mut judged = sockets::judged(sockets, policy);
    order::sort(&mut judged, SortOrder::Danger);
    judged
}

fn printed(print: impl FnOnce(&mut Vec<u8>, &[JudgedRef<'_>])) -> String {
    let (sockets, policy) = (sockets::all(), sockets::policy());
    let mut out = Vec::new();
    print(&mut out, &judged(&sockets, &policy));
    String::from_utf8(out).unwrap()
}

fn table(style: Style) -> String {
    printed(|out, sockets| table::write(out, sockets, style, 1).unwrap())
}

fn write_document(out: &mut Vec<u8>, sockets: &[JudgedRef<'_>], threads: usize) {
    let unknown = [UnknownField {
        field: "age_ms",
        why: "no \"hooks\" ran".to_owned(),
    }];
    let meta = Meta {
        taken_at: "2026-11-21T08:00:00.123456Z".parse().unwrap(),
        host: "web-1".into(),
        kernel: "6.12.107".into(),
        scan: "bpf",
        hooks: "none",
        scan_tenth_ms: 124,
        sockets_seen: 1042,
        unknown: &unknown,
    };
    json::document(out, &meta, sockets, threads).unwrap();
}

fn document() -> String {
    printed(|out, sockets| write_document(out, sockets, 1))
}

fn lines() -> String {
    printed(|out, sockets| json::lines(out, sockets, 1).unwrap())
}

fn trace(format: Format) -> String {
    let mut out = Vec::new();
    let clock = Clock {
        realtime_ns: events::TAKEN_WALL_NS,
        monotonic_ns: events::TAKEN_NS,
    };
    let mut writer = Writer::new(&mut out, format);
    for event in events::all() {
        let verdict = sockets::policy().judge(&event.socket).verdict;
        writer.event(&event, verdict, clock).unwrap();
    }
    writer.lost(1, clock).unwrap();
    writer.lost(12, clock).unwrap();
    writer.flush().unwrap();
    drop(writer);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_table() {
    assert_golden("table.txt", &table(Style::default()));
}

#[test]
fn the_wide_table() {
    let wide = Style {
        wide: true,
        color: false,
    };
    assert_golden("wide.txt", &table(wide));
}

#[test]
fn the_coloured_table() {
    let color = Style {
        wide: false,
        color: true,
    };
    assert_golden("color.txt", &table(color).replace('\x1b', "<ESC>"));
}

#[test]
fn the_document() {
    assert_golden("list.json", &document());
}

#[test]
fn the_lines() {
    assert_golden("list.jsonl", &lines());
}

#[test]
fn the_trace() {
    assert_golden("trace.txt", &trace(Format::Text { color: false }));
}

#[test]
fn the_coloured_trace() {
    let text = trace(Format::Text { color: true });
    assert_golden("trace-color.txt", &text.replace('\x1b', "<ESC>"));
}

#[test]
fn the_trace_in_json() {
    assert_golden("trace.jsonl", &trace(Format::Jsonl));
}

#[test]
fn an_empty_list_is_a_header_and_an_empty_array() {
    let mut out = Vec::new();
    table::write(&mut out, &[], Style::default(), 1).unwrap();
    assert_eq!(
        out,
        b"VERDICT  HEALTH  QUIET  LIMIT  KEEPALIVE  NEXT  TIMER  LOCAL  REMOTE  OWNER\n"
    );
}

#[test]
fn nothing_hostile_reaches_a_terminal() {
    let wide = Style {
        wide: true,
        color: false,
    };
    let traces = [Format::Text { color: false }, Format::Jsonl].map(trace);
    let lists = [table(Style::default()), table(wide), document(), lines()];
    for output in lists.into_iter().chain(traces) {
        let hostile = |c: char| c != '\n' && escape::is_hostile(c);
        assert!(!output.contains(hostile));
        assert!(!output.contains("\n\n"));
    }
}

#[test]
fn hostile_names_survive_json() {
    let found = lines().lines().any(|line| {
        let socket: serde_json::Value = serde_json::from_str(line).unwrap();
        socket["owners"][0]["comm"] == "\u{1b}[2Jx\n\"\\\u{fffd}\u{202e}"
            && socket["unit"] == "a\u{202e}b\u{200b}\tc.service"
    });
    assert!(found);
    let found = trace(Format::Jsonl).lines().any(|line| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["comm"] == "\u{1b}[2Jx\n\"\\\u{fffd}\u{202e}"
    });
    assert!(found);
}

#[test]
fn the_narrow_table_leaves_out_a_state_that_all_share() {
    let policy = sockets::policy();
    let sockets: Vec<Socket> = sockets::all().into_iter().take(2).collect();
    let mut out = Vec::new();
    table::write(&mut out, &judged(&sockets, &policy), Style::default(), 1).unwrap();
    assert!(!String::from_utf8(out).unwrap().contains("STATE"));
}

/// More sockets than one thread formats at a time.
#[test]
fn many_threads_print_what_one_prints() {
    let (sockets, policy) = (sockets::all(), sockets::policy());
    let judged = judged(&sockets, &policy);
    let many: Vec<JudgedRef<'_>> = judged.iter().cloned().cycle().take(10_001).collect();
    let print = |threads| {
        let [mut table, mut document, mut lines] = [const { Vec::new() }; 3];
        table::write(&mut table, &many, Style::default(), threads).unwrap();
        write_document(&mut document, &many, threads);
        json::lines(&mut lines, &many, threads).unwrap();
        [table, document, lines].map(|out| String::from_utf8(out).unwrap())
    };
    let by_one = print(1);
    let [table, document, lines] = &by_one;
    assert_eq!(table.lines().count(), 1 + many.len());
    assert_eq!(lines.lines().count(), many.len());
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["sockets"].as_array().unwrap().len(), many.len());
    assert!(print(3) == by_one);
}
