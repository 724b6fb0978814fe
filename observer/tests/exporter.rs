//! The exporter over real sockets on loopback, with a fake host behind it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::time::{Duration, Instant};

use kit::{config, sample, snapshot, start};

#[path = "golden/file.rs"]
mod file;
#[path = "exporter/kit.rs"]
mod kit;
#[path = "golden/sockets.rs"]
mod sockets;

#[path = "exporter/abuse.rs"]
mod abuse;
#[path = "exporter/api.rs"]
mod api;
#[path = "exporter/formats.rs"]
mod formats;
#[path = "exporter/listening.rs"]
mod listening;
#[path = "exporter/secrets.rs"]
mod secrets;

#[test]
fn readiness_follows_the_scans() {
    let server = start(&config());
    assert_eq!(server.get("/-/healthy").code, 200);
    let answer = server.get("/-/ready");
    assert_eq!(answer.code, 503);
    assert!(answer.text().contains("first scan"));
    server.exporter.show_snapshot(snapshot());
    assert_eq!(server.get("/-/ready").code, 200);

    let impatient = kit::start_with(&config(), Duration::ZERO, Duration::ZERO);
    impatient.exporter.show_snapshot(snapshot());
    let answer = impatient.get("/-/ready");
    assert_eq!(answer.code, 503, "the last scan is too old");
    assert_eq!(impatient.get("/-/healthy").code, 200);
}

#[test]
fn the_page_says_what_matters_and_loads_nothing() {
    let server = start(&config());
    let before = server.get("/");
    assert!(
        before
            .text()
            .contains("The first scan has not finished yet")
    );
    server.exporter.show_snapshot(snapshot());
    let page = server.get("/");
    assert_eq!(page.code, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(
        page.header("content-security-policy"),
        Some("default-src 'none'; style-src 'unsafe-inline'")
    );
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let text = page.text();
    for part in [
        "web-1",
        "6.12.107",
        "connection will hang when it is used again",
        "etl.service",
        "a &lt;test&gt;",
        "href=\"/metrics\"",
        "<meta http-equiv=\"refresh\" content=\"10\">",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    for part in [
        "<script", "src=", "url(", "http://", "https://", "\x1b", "\u{202e}",
    ] {
        assert!(!text.contains(part), "{part:?}\n{text}");
    }
}

#[test]
fn only_get_and_head_are_answered_and_all_is_counted() {
    let server = start(&config());
    let posted = server.request("POST /metrics", "");
    assert_eq!(posted.code, 405);
    assert_eq!(posted.header("allow"), Some("GET, HEAD"));
    assert_eq!(server.request("DELETE /nowhere", "").code, 405);
    assert_eq!(
        server
            .request("POST /metrics", "content-length: 4\r\n")
            .code,
        400
    );
    assert_eq!(server.get("/nowhere").code, 404);
    let head = server.request("HEAD /metrics", "");
    assert_eq!((head.code, head.body.len()), (200, 0));
    let length: usize = head.header("content-length").unwrap().parse().unwrap();
    assert!(length > 1000, "{length}");

    let metrics = server.get("/metrics");
    let count = |handler: &str, code: &str| {
        let labels = format!("{{handler=\"{handler}\",code=\"{code}\"}}");
        sample(
            metrics.text(),
            &format!("observer_http_requests_total{labels}"),
        )
    };
    assert_eq!(count("metrics", "405"), 1.0);
    assert_eq!(count("metrics", "400"), 1.0);
    assert_eq!(count("metrics", "200"), 1.0);
    assert_eq!(count("other", "405"), 1.0);
    assert_eq!(count("other", "404"), 1.0);
    // The server hears a moment later that the others are closed.
    let began = Instant::now();
    while sample(server.get("/metrics").text(), "observer_http_connections") > 1.0 {
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
