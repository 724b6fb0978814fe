//! Explanations of fixed sockets: text at 80 columns byte for byte, names and types in JSON.
//! `UPDATE_GOLDEN=1` writes the text anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use file::assert_golden;
use observer::explain::report;
use observer::explain::{ExplainFacts, Explanation, explain};
use observer::host::elf::Built;
use observer::host::resolver::ResolvConf;
use observer::host::{Program, Resolver, RetrySysctls, SocketLimits};
use observer::policy::JudgedRef;
use schema::{name, schema};
use serde_json::Value;

#[path = "golden/file.rs"]
mod file;
#[path = "golden/schema.rs"]
mod schema;
#[path = "golden/sockets.rs"]
mod sockets;

/// Each field with its types, without those of the socket.
const SCHEMA: &str = include_str!("golden/explain-schema.txt");

/// A socket of a Go program without keepalive.
fn facts(seen: bool) -> ExplainFacts {
    if !seen {
        return ExplainFacts::default();
    }
    ExplainFacts {
        pid: Some(812),
        limits: Some(SocketLimits {
            syn_retries: Some(6),
            send_timeout_ms: Some(0),
            receive_timeout_ms: Some(0),
            non_blocking: Some(true),
            rto_max_ms: Some(120_000),
            rto_ms: Some(204),
            backoff: Some(0),
            rtt_us: Some(3200),
        }),
        sysctls: Some(RetrySysctls {
            syn_retries: 6,
            syn_linear_timeouts: Some(4),
            retries2: 15,
            rto_max_ms: Some(120_000),
        }),
        resolver: Some(Resolver {
            conf: ResolvConf {
                nameservers: 2,
                search: Some(3),
                ..ResolvConf::default()
            },
            services: Some(vec!["files".into(), "dns".into()]),
        }),
        program: Some(Program {
            exe: b"/usr/local/bin/etl".to_vec(),
            built: Built {
                go: Some("go1.24.1".into()),
                rustc: None,
            },
            ..Program::default()
        }),
        own_netns: Some(false),
        netns_pid: Some(812),
        accepted: Some(false),
    }
}

/// Every fixed socket, with and without facts in turn.
fn explained(mut each: impl FnMut(&JudgedRef<'_>, &Explanation)) {
    let (sockets, policy) = (sockets::all(), sockets::policy());
    for (i, judged) in sockets::judged(&sockets, &policy).iter().enumerate() {
        let facts = facts(i % 4 != 3);
        each(judged, &explain(judged.socket, &judged.judgement, &facts));
    }
}

#[test]
fn text_at_80_columns() {
    let mut out = Vec::new();
    explained(|judged, explanation| {
        let mut lines = report::heading(judged, 1, 80);
        lines.extend(report::lines(explanation, 80));
        lines.push(report::Line::empty());
        report::write(&mut out, &lines, false).unwrap();
    });
    let actual = String::from_utf8(out).unwrap();
    assert_golden("explain.txt", &actual);
}

fn documents() -> Vec<Value> {
    let unknown = schema::unknown();
    let meta = schema::meta(&unknown);
    let mut documents = Vec::new();
    explained(|judged, explanation| {
        let mut out = Vec::new();
        report::json::document(&mut out, &meta, 7, judged, explanation).unwrap();
        documents.push(serde_json::from_slice(&out).unwrap());
    });
    documents
}

#[test]
fn names_and_types_are_as_promised() {
    let documents = documents();
    let all: Vec<&Value> = documents.iter().collect();
    let found = schema(&all);
    let own: String = found
        .lines()
        .filter(|line| !line.starts_with("socket.") && !line.starts_with("socket:"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(own, SCHEMA);
    for document in &documents {
        let layers = document["ladder"].as_array().unwrap();
        let layers: Vec<&Value> = layers.iter().map(|layer| &layer["rung"]).collect();
        let expected = [
            "lookup",
            "connect",
            "write",
            "read",
            "keepalive",
            "path",
            "total",
        ];
        assert_eq!(layers, expected);
        for layer in layers {
            let unlimited = layer["unlimited"] == true;
            assert!(layer["limit_ms"].is_null() || (!unlimited && layer["applies"] == true));
        }
        assert_eq!(document["sockets_matched"], 7);
        assert!(document["socket"]["keepalive"].is_object());
    }
}

#[test]
fn every_field_is_documented() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/explain.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    // The items of an array are described with it.
    for field in SCHEMA.lines().map(name).filter(|f| !f.ends_with("[]")) {
        assert!(docs.contains(&format!("| `{field}` |")), "{field}");
    }
    for name in [
        "not-connected",
        "connecting",
        "retransmitting",
        "probing",
        "forgotten",
        "will-be-forgotten",
        "kept-by-peer",
        "protected",
        "exempt",
        "unknown",
    ] {
        assert!(docs.contains(&format!("| `{name}` |")), "{name}");
    }
}
