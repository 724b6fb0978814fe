//! The names and types of JSON fields, version 1. Scripts depend on them: a field may be added
//! here, none may be removed, renamed or change its type.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};

use observer::report::json::{self, Meta};
use observer::scan::Unknown;
use serde_json::Value;

#[path = "golden/sockets.rs"]
mod sockets;

const SCHEMA: &str = "\
hooks: string
host: string
kernel: string
scan: string
scan_ms: number
sockets: array
sockets[]: object
sockets[].age_ms: null
sockets[].bytes_received: integer null
sockets[].bytes_sent: integer null
sockets[].cgroup: null string
sockets[].container: null object
sockets[].container.id: string
sockets[].container.pod_uid: string
sockets[].container.runtime: string
sockets[].cookie: integer null
sockets[].family: string
sockets[].health: null string
sockets[].idle: object
sockets[].idle.data_ms: integer null
sockets[].idle.last_data: null string
sockets[].idle.quiet_ms: integer null
sockets[].idle.received_ms: integer null
sockets[].idle.sent_ms: integer null
sockets[].inode: integer null
sockets[].keepalive: object
sockets[].keepalive.detect_s: integer null
sockets[].keepalive.enabled: boolean null
sockets[].keepalive.idle_from: null string
sockets[].keepalive.idle_s: integer null
sockets[].keepalive.interval_from: null string
sockets[].keepalive.interval_s: integer null
sockets[].keepalive.next_probe_ms: integer null
sockets[].keepalive.probes: integer null
sockets[].keepalive.probes_from: null string
sockets[].keepalive.sent: null
sockets[].keepalive.unanswered: integer null
sockets[].keepalive.user_timeout_ms: integer null
sockets[].kernel_owned: boolean null
sockets[].last_set: null
sockets[].local: object
sockets[].local.addr: string
sockets[].local.port: integer
sockets[].netns: integer null
sockets[].owners: array
sockets[].owners[]: object
sockets[].owners[].comm: string
sockets[].owners[].fd: integer
sockets[].owners[].pid: integer
sockets[].path: object
sockets[].path.from: string
sockets[].path.limit_s: integer null
sockets[].reasons: array
sockets[].reasons[]: string
sockets[].remote: object
sockets[].remote.addr: string
sockets[].remote.port: integer
sockets[].state: string
sockets[].timer: null object
sockets[].timer.expires_ms: integer
sockets[].timer.kind: string
sockets[].timer.netstat: string
sockets[].timer.retransmits: integer
sockets[].uid: integer null
sockets[].unacked: integer null
sockets[].unit: null string
sockets[].verdict: null string
sockets_seen: integer
sockets_shown: integer
taken_at: string
unknown: array
unknown[]: object
unknown[].field: string
unknown[].why: string
version: integer
";

fn document() -> Value {
    let (sockets, policy) = (sockets::all(), sockets::policy());
    let judged = sockets::judged(&sockets, &policy);
    let meta = Meta {
        taken_at: "2026-11-21T08:00:00.123Z".parse().unwrap(),
        host: "web-1".into(),
        kernel: "6.12.107".into(),
        scan: "bpf",
        hooks: "none",
        scan_tenth_ms: 124,
        sockets_seen: 30,
        unknown: &[Unknown {
            field: "age_ms",
            why: "why".to_owned(),
        }],
    };
    let mut out = Vec::new();
    json::document(&mut out, &meta, &judged).unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// Notes the types found at every path.
fn note(types: &mut BTreeMap<String, BTreeSet<&'static str>>, path: &str, value: &Value) {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !path.is_empty() {
        types.entry(path.to_owned()).or_default().insert(name);
    }
    match value {
        Value::Array(items) => {
            for item in items {
                note(types, &format!("{path}[]"), item);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                note(types, &format!("{path}{dot}{key}"), value);
            }
        }
        _ => {}
    }
}

#[test]
fn names_and_types_are_as_promised() {
    let mut types = BTreeMap::new();
    note(&mut types, "", &document());
    let mut found = String::new();
    for (path, names) in types {
        let names: Vec<_> = names.into_iter().collect();
        found += &format!("{path}: {}\n", names.join(" "));
    }
    assert_eq!(found, SCHEMA);
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
        let (path, _) = line.split_once(':').unwrap();
        let field = path.replace("sockets[].", "").replace("[]", "");
        assert!(docs.contains(&format!("`{field}`")), "{field}");
    }
}
