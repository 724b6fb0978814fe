//! `/api/v1/sockets`.

use std::io::{Read as _, Write as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

use crate::kit::{Answer, config, gunzip, sample, start, start_with, unchunk};

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn sockets_are_those_of_list_and_selected_as_there() {
    let server = start(&config());
    let all = json(&server.get("/api/v1/sockets?all"));
    assert_eq!(all["version"], 1);
    assert_eq!(all["host"], "web-1");
    assert_eq!(all["scan_ms"], 12.4);
    assert_eq!(all["sockets_seen"], all["sockets_shown"]);
    let count = |document: &Value| document["sockets"].as_array().unwrap().len();
    let connected = json(&server.get("/api/v1/sockets"));
    assert_eq!(
        count(&all) - count(&connected),
        3,
        "listen, time-wait, syn-recv"
    );

    let late = json(&server.get("/api/v1/sockets?verdict=late&health=at-risk&health=stale"));
    assert!(count(&late) > 0);
    for socket in late["sockets"].as_array().unwrap() {
        assert_eq!(socket["verdict"], "late");
        assert!(socket["health"] == "at-risk" || socket["health"] == "stale");
    }
    let none = json(&server.get("/api/v1/sockets?comm=nobody*"));
    assert_eq!(
        (count(&none), &none["sockets_seen"]),
        (0, &connected["sockets_seen"])
    );
    let v6 = json(&server.get("/api/v1/sockets?6&remote=2001:db8::/32"));
    for socket in v6["sockets"].as_array().unwrap() {
        assert_eq!(socket["family"], "ipv6");
    }
    let by_pid = json(&server.get("/api/v1/sockets?pid=900"));
    for socket in by_pid["sockets"].as_array().unwrap() {
        assert_eq!(
            socket["owners"][0]["pid"], 900,
            "who was asked for comes first"
        );
    }
    let kept = json(&server.get("/api/v1/sockets?all=1"));
    let kept = kept["sockets"].as_array().unwrap();
    let kept = kept.iter().find(|socket| socket["cookie"] == 4).unwrap();
    let reasons = kept["reasons"].as_array().unwrap();
    assert!(reasons.contains(&"peer-keeps-alive".into()), "{reasons:?}");
    let gzip = server.request("GET /api/v1/sockets?all", "accept-encoding: gzip\r\n");
    let unpacked: Value = serde_json::from_str(&gunzip(&gzip.body)).unwrap();
    assert_eq!(unpacked, all);
}

/// It is the same document then, in pieces.
#[test]
fn a_long_document_is_sent_while_it_is_made() {
    const TIMES: usize = 500;
    let server = start(&config());
    let short = server.get("/api/v1/sockets?all");
    assert_eq!(
        short.header("content-length"),
        Some(short.body.len().to_string().as_str())
    );
    server.scans.times.store(TIMES, Ordering::Relaxed);
    let mut long = server.get("/api/v1/sockets?all");
    assert_eq!(long.header("transfer-encoding"), Some("chunked"));
    assert_eq!(long.header("content-length"), None);
    long.body = unchunk(&long.body);
    let (short, document) = (json(&short), json(&long));
    let count = |document: &Value| document["sockets"].as_array().unwrap().len();
    assert_eq!(count(&document), count(&short) * TIMES);
    assert_eq!(document["sockets_shown"], count(&document));
    let lines = long.text().lines().count();
    assert_eq!(lines, count(&document) + 2, "a line each");

    let gzip = server.request("GET /api/v1/sockets?all", "accept-encoding: gzip\r\n");
    assert_eq!(gunzip(&unchunk(&gzip.body)), long.text());
}

/// Whoever hangs up takes no turn from others.
#[test]
fn readers_that_are_gone_hold_nothing_up() {
    let server = start(&config());
    // More than fits into the buffers between.
    server.scans.times.store(500, Ordering::Relaxed);
    for _ in 0..6 {
        let mut stream = server.connect();
        stream
            .write_all(b"GET /api/v1/sockets?all HTTP/1.1\r\nhost: x\r\n\r\n")
            .unwrap();
        stream.read_exact(&mut [0; 1000]).unwrap();
    }
    server.scans.times.store(1, Ordering::Relaxed);
    assert_eq!(server.get("/api/v1/sockets").code, 200);
}

#[test]
fn a_bad_query_says_what_would_be_right() {
    let server = start(&config());
    for (query, part) in [
        (
            "prot=443",
            "no parameter \"prot\": there are pid, comm, port",
        ),
        ("port=99999", "from 1 to 65535"),
        ("health=bad", "retransmitting"),
        ("min-quiet=soon", "soon"),
        ("all=perhaps", "true, false"),
        ("%ff=1", "no parameter"),
        ("comm=%1b%5b2J&x=%e2%80%ae", "no parameter"),
    ] {
        let answer = server.get(&format!("/api/v1/sockets?{query}"));
        assert_eq!(answer.code, 400, "{query}");
        let error = json(&answer)["error"].as_str().unwrap().to_owned();
        assert!(error.contains(part), "{query}: {error}");
        assert!(!answer.text().contains(['\x1b', '\u{202e}']));
    }
    assert_eq!(server.scans.asked.load(Ordering::Relaxed), 0);
}

#[test]
fn a_scan_that_fails_or_takes_too_long_is_a_503_and_counted() {
    let server = start(&config());
    *server.scans.fails.lock().unwrap() = Some("the kernel said \"no\"".to_owned());
    let answer = server.get("/api/v1/sockets");
    assert_eq!(answer.code, 503);
    assert_eq!(json(&answer)["error"], "the kernel said \"no\"");
    let metrics = server.get("/metrics");
    let failed = "observer_http_full_scans_total{outcome=\"error\"}";
    assert_eq!(sample(metrics.text(), failed), 1.0);

    let slow = start_with(&config(), Duration::from_secs(60), Duration::from_secs(60));
    let answer = slow.get("/api/v1/sockets");
    assert_eq!(answer.code, 503);
    assert!(json(&answer)["error"].as_str().unwrap().contains("1.5 s"));
    let metrics = slow.get("/metrics");
    let late = "observer_http_full_scans_total{outcome=\"late\"}";
    assert_eq!(sample(metrics.text(), late), 1.0);
}

#[test]
fn nothing_else_scans() {
    let server = start(&config());
    for path in ["/", "/metrics", "/-/ready", "/-/healthy", "/api/v1"] {
        server.get(path);
    }
    assert_eq!(server.scans.asked.load(Ordering::Relaxed), 0);
    server.get("/api/v1/sockets");
    assert_eq!(server.scans.asked.load(Ordering::Relaxed), 1);
}
