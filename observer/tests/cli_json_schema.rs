//! The names and types of JSON fields, version 1. Scripts depend on them: a field may be added
//! here, none may be removed, renamed or change its type.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use observer::model::{Cgroup, Socket};
use observer::render::Clock;
use observer::render::json;
use observer::report::trace::{Format, Writer};
use schema::{name, schema};
use serde_json::Value;

#[path = "golden/events.rs"]
mod events;
#[path = "golden/schema.rs"]
mod schema;
#[path = "golden/sockets.rs"]
mod sockets;

const SCHEMA: &str = include_str!("golden/json-schema.txt");

/// Fields of every event.
const EVENT: &str = "\
at: string
comm: null string
cookie: integer null
family: string
kind: string
local: object
local.addr: string
local.port: integer
netns: integer null
owner: null object
owner.comm: string
owner.pid: integer
pid: integer null
remote: object
remote.addr: string
remote.port: integer
state: string
verdict: null string
";

const SET: &str = "\
asked: integer null
errno: integer
option: string
value: integer null
via: null string
";

const OPENED: &str = "\
side: string
";

const PROBE: &str = "\
quiet_ms: integer null
unanswered: integer
";

const CLOSED: &str = "\
age_ms: integer null
cause: string
heard_ms: integer null
quiet_ms: integer null
";

/// Such an event belongs to no socket.
const LOST: &str = "\
at: string
comm: null
cookie: null
count: integer
family: null
kind: string
local: null
netns: null
owner: null
pid: null
remote: null
state: null
verdict: null
";

fn events() -> Vec<Value> {
    let mut out = Vec::new();
    let clock = Clock {
        realtime_ns: events::TAKEN_WALL_NS,
        monotonic_ns: events::TAKEN_NS,
    };
    let mut writer = Writer::new(&mut out, Format::Jsonl);
    for event in events::all() {
        let verdict = sockets::policy().judge(&event.socket).verdict;
        writer.event(&event, verdict, clock).unwrap();
    }
    writer.lost(1, clock).unwrap();
    writer.flush().unwrap();
    drop(writer);
    let lines = std::str::from_utf8(&out).unwrap().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A container that belongs to no pod.
fn in_docker(mut socket: Socket) -> Socket {
    let path = format!(
        "/system.slice/docker-{}.scope",
        "0123456789abcdef".repeat(4)
    );
    socket.cgroup = Some(Arc::new(Cgroup::parse(&path)));
    socket
}

fn document() -> Value {
    let (mut sockets, policy) = (sockets::all(), sockets::policy());
    sockets.push(in_docker(sockets[0].clone()));
    let judged = sockets::judged(&sockets, &policy);
    let unknown = schema::unknown();
    let meta = schema::meta(&unknown);
    let mut out = Vec::new();
    json::document(&mut out, &meta, &judged, 1).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn names_and_types_are_as_promised() {
    assert_eq!(schema(&[&document()]), SCHEMA);
}

#[test]
fn events_have_the_names_and_types_promised() {
    let events = events();
    let all: Vec<&Value> = events.iter().filter(|e| e["kind"] != "lost").collect();
    let own = [SET, OPENED, PROBE, CLOSED].concat();
    let mut expected: Vec<&str> = EVENT.lines().chain(own.lines()).collect();
    expected.sort_unstable();
    expected.dedup();
    let found = schema(&all);
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    let of_kind = |kind: &str| -> Vec<&Value> {
        let of_kind: Vec<_> = events.iter().filter(|e| e["kind"] == kind).collect();
        assert!(!of_kind.is_empty(), "{kind}");
        of_kind
    };
    assert_eq!(schema(&of_kind("lost")), LOST);
    for (kind, own) in [
        ("set", SET),
        ("opened", OPENED),
        ("probe", PROBE),
        ("closed", CLOSED),
    ] {
        let mut fields: Vec<&str> = EVENT.lines().chain(own.lines()).map(name).collect();
        fields.retain(|field| !field.contains('.'));
        fields.sort_unstable();
        for event in of_kind(kind) {
            let mut found: Vec<_> = event.as_object().unwrap().keys().collect();
            found.sort_unstable();
            assert_eq!(found, fields, "{kind}");
        }
    }
}

#[test]
fn every_field_of_an_event_is_documented() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    for schema in [EVENT, SET, OPENED, PROBE, CLOSED, LOST] {
        for field in schema.lines().map(name) {
            assert!(docs.contains(&format!("| `{field}` |")), "{field}");
        }
    }
}

#[test]
fn every_socket_has_every_field() {
    let document = document();
    let sockets = document["sockets"].as_array().unwrap();
    let keys =
        |socket: &Value| -> Vec<String> { socket.as_object().unwrap().keys().cloned().collect() };
    for socket in sockets {
        assert_eq!(keys(socket), keys(&sockets[0]));
        assert_eq!(keys(&socket["keepalive"]), keys(&sockets[0]["keepalive"]));
    }
}

#[test]
fn every_field_is_documented() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/json.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    for line in SCHEMA.lines() {
        let field = name(line).replace("sockets[].", "").replace("[]", "");
        assert!(docs.contains(&format!("`{field}`")), "{field}");
    }
}
