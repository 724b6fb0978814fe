//! Delivery of alerts to servers that work, are down, hang or answer rubbish.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test program"
)]

#[path = "alert/certificates.rs"]
mod certificates;
#[path = "kit/require.rs"]
mod require;
#[path = "alert/server.rs"]
mod server;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use observer::alert::sink::{SinkError, SinkTiming};
use observer::alert::{Alert, AlertState, Group, Sinks, kind};
use observer::config::alert::{SinkEntry, SinkKind};
use observer::model::SinkTally;
use observer::policy::Verdict;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use certificates::Certificates;
use require::{Need, require};
use server::{Answer, Posted, Server};

const OK: Answer = Answer::Status(200, "");

const QUICK: SinkTiming = SinkTiming {
    connect: Duration::from_millis(200),
    total: Duration::from_millis(300),
    first_backoff: Duration::from_millis(10),
    longest_backoff: Duration::from_millis(50),
};

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn entry(kind: SinkKind, url: &str) -> SinkEntry {
    SinkEntry {
        kind,
        url: url.parse().unwrap(),
        ca: None,
    }
}

fn webhook(url: &str) -> SinkEntry {
    entry(SinkKind::Webhook, url)
}

fn start(runtime: &Runtime, entries: &[SinkEntry]) -> Sinks {
    Sinks::start(entries, QUICK, runtime.handle()).unwrap()
}

fn alert(port: u16, state: AlertState) -> Alert {
    let starts_at: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
    Alert {
        group: Group {
            kind: &kind::STALE,
            workload: "etl.service".into(),
            remote: std::net::SocketAddr::from(([203, 0, 113, 9], port)).into(),
            verdict: Some(Verdict::Unprotected),
        },
        state,
        host: "web-1".into(),
        starts_at,
        ends_at: starts_at + Duration::from_secs(960),
        annotations: vec![("summary", format!("{state:?}"))],
    }
}

fn firing(port: u16) -> Alert {
    alert(port, AlertState::Firing)
}

/// `PORT STATE` of each alert.
fn states(posted: &Posted) -> Vec<String> {
    let one = |alert: &Value| {
        let remote = alert["labels"]["remote"].as_str().unwrap();
        let (_, port) = remote.rsplit_once(':').unwrap();
        format!(
            "{port} {}",
            alert["annotations"]["summary"].as_str().unwrap()
        )
    };
    posted.alerts.as_array().unwrap().iter().map(one).collect()
}

fn tally(sinks: &Sinks) -> SinkTally {
    sinks.tallies().remove(0)
}

/// Counts are written after the server has seen the request.
fn wait_for(sinks: &Sinks, what: impl Fn(&SinkTally) -> bool) -> SinkTally {
    let begin = Instant::now();
    loop {
        let tally = tally(sinks);
        if what(&tally) {
            return tally;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{tally:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn alertmanager_and_webhook_get_the_same_array() {
    let (runtime, server) = (runtime(), Server::start(&[OK]));
    let authority = format!("http://ob%40server:s%3Acret@{}", server.address);
    for (kind, path, line) in [
        (SinkKind::Alertmanager, "", "POST /api/v2/alerts HTTP/1.1"),
        (
            SinkKind::Alertmanager,
            "/am/",
            "POST /am/api/v2/alerts HTTP/1.1",
        ),
        (SinkKind::Webhook, "/hook?a=b", "POST /hook?a=b HTTP/1.1"),
    ] {
        let sinks = start(&runtime, &[entry(kind, &format!("{authority}{path}"))]);
        sinks.send(vec![firing(443), firing(444)]);
        let posted = server.next();
        assert_eq!(posted.line, line);
        for header in [
            "content-type: application/json".to_owned(),
            // ob@server:s:cret
            "authorization: Basic b2JAc2VydmVyOnM6Y3JldA==".to_owned(),
            format!("host: {}", server.address),
        ] {
            assert!(posted.headers.contains(&header), "{header}: {posted:?}");
        }
        assert_eq!(states(&posted), ["443 Firing", "444 Firing"]);
        let labels = &posted.alerts[0]["labels"];
        assert_eq!(labels["alertname"], "KeepaliveStale");
        assert_eq!(labels["host"], "web-1");
        assert_eq!(posted.alerts[0]["startsAt"], "2026-11-21T08:00:00Z");
        assert_eq!(posted.alerts[0]["endsAt"], "2026-11-21T08:16:00Z");
        let tally = wait_for(&sinks, |tally| tally.ok > 0);
        assert_eq!((tally.ok, tally.error, tally.dropped), (2, 0, 0));
        assert_eq!(tally.name, kind.name());
    }
}

#[test]
fn what_happened_while_it_was_down_arrives_once() {
    let runtime = runtime();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let sinks = start(&runtime, &[webhook(&format!("http://{address}/"))]);
    sinks.send(vec![firing(1), firing(2)]);
    wait_for(&sinks, |tally| tally.error >= 6);
    sinks.send(vec![alert(1, AlertState::Resolved), firing(3)]);
    wait_for(&sinks, |tally| tally.error >= 12);
    let server = Server::on(TcpListener::bind(address).unwrap(), &[OK], None);
    let begin = Instant::now();
    let mut got = states(&server.next());
    assert!(begin.elapsed() < Duration::from_secs(2));
    got.sort();
    assert_eq!(got, ["1 Resolved", "2 Firing", "3 Firing"]);
    let tally = wait_for(&sinks, |tally| tally.ok == 3);
    assert_eq!(tally.dropped, 0);
    server.none_for(Duration::from_millis(100));
}

/// Sends one alert to a server that answers badly twice, then well.
fn twice_then_ok(bad: Answer) {
    let runtime = runtime();
    let server = Server::start(&[bad.clone(), bad, OK]);
    let sinks = start(&runtime, &[webhook(&server.url("/"))]);
    sinks.send(vec![firing(443)]);
    for _ in 0..3 {
        assert_eq!(states(&server.next()), ["443 Firing"]);
    }
    let tally = wait_for(&sinks, |tally| tally.ok > 0);
    assert_eq!((tally.ok, tally.error, tally.dropped), (1, 2, 0));
    server.none_for(Duration::from_millis(100));
}

#[test]
fn errors_of_the_server_are_waited_out() {
    for status in [500, 503, 408, 429] {
        twice_then_ok(Answer::Status(status, "not now"));
    }
}

#[test]
fn a_redirect_is_no_success() {
    twice_then_ok(Answer::Raw(
        b"HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    ));
}

#[test]
fn a_server_that_hangs_is_left() {
    twice_then_ok(Answer::Hang);
}

#[test]
fn an_answer_that_is_not_http_is_an_error() {
    twice_then_ok(Answer::Raw(b"SSH-2.0-OpenSSH_9.2\r\n"));
    twice_then_ok(Answer::Raw(b""));
    twice_then_ok(Answer::Raw(b"HTTP/1.1 200 OK\r\nx"));
}

#[test]
fn an_error_that_never_ends_is_cut_off() {
    twice_then_ok(Answer::Endless(500));
}

#[test]
fn a_success_counts_when_its_status_is_there() {
    let (runtime, server) = (runtime(), Server::start(&[Answer::Endless(200)]));
    let sinks = start(&runtime, &[webhook(&server.url("/"))]);
    sinks.send(vec![firing(443)]);
    let begin = Instant::now();
    let tally = wait_for(&sinks, |tally| tally.ok > 0);
    assert_eq!(tally.error, 0);
    assert!(begin.elapsed() < QUICK.total);
}

#[test]
fn what_is_refused_is_given_up() {
    let runtime = runtime();
    let refusals = [
        Answer::Status(400, "bad \u{1b}[31m alert"),
        Answer::Endless(403),
        OK,
    ];
    let server = Server::start(&refusals);
    let sinks = start(&runtime, &[webhook(&server.url("/"))]);
    for refused in 1..=2 {
        sinks.send(vec![firing(443)]);
        drop(server.next());
        let tally = wait_for(&sinks, |tally| tally.dropped == refused);
        assert_eq!((tally.ok, tally.error), (0, refused));
        server.none_for(Duration::from_millis(100));
    }
    sinks.send(vec![firing(443)]);
    drop(server.next());
    wait_for(&sinks, |tally| tally.ok == 1);
}

#[test]
fn https_is_checked_against_a_private_authority() {
    if !require([Need::Program("openssl")]) {
        return;
    }
    let (ours, other) = (Certificates::make("ours"), Certificates::make("other"));
    let runtime = runtime();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::on(listener, &[OK], Some(ours.server()));
    let to = |ca| SinkEntry {
        ca: Some(ca),
        ..webhook(&format!("https://{}/", server.address))
    };
    let wrong = start(&runtime, &[to(other.ca())]);
    wrong.send(vec![firing(1)]);
    wait_for(&wrong, |tally| tally.error >= 2);
    let sinks = start(&runtime, &[to(ours.ca())]);
    sinks.send(vec![firing(443)]);
    assert_eq!(states(&server.next()), ["443 Firing"]);
    wait_for(&sinks, |tally| tally.ok == 1);
    assert_eq!(tally(&wrong).ok, 0);
    server.none_for(Duration::from_millis(50));
}

#[test]
fn a_sink_without_its_certificates_is_refused_at_start() {
    let runtime = runtime();
    for (file, expected) in [
        ("/nonexistent/ca.pem", "No such file"),
        ("/dev/null", "no certificate in it"),
    ] {
        let entry = SinkEntry {
            ca: Some(file.into()),
            ..webhook("https://user:secret@127.0.0.1/")
        };
        let error = Sinks::start(&[entry], QUICK, runtime.handle()).unwrap_err();
        assert!(matches!(error, SinkError::Ca { .. }));
        let message = error.to_string();
        assert!(
            message.contains(expected) && message.contains(file),
            "{message}"
        );
    }
}

#[test]
fn a_queue_that_is_full_drops_the_oldest_and_counts() {
    let runtime = runtime();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let sinks = start(&runtime, &[webhook(&format!("http://{address}/"))]);
    sinks.send((1..=1100).map(firing).collect());
    wait_for(&sinks, |tally| tally.dropped == 100 && tally.error > 0);
    let server = Server::on(TcpListener::bind(address).unwrap(), &[OK], None);
    wait_for(&sinks, |tally| tally.ok == 1000);
    let mut left = 1000;
    while left > 0 {
        let batch = states(&server.next()).len();
        assert!(batch <= 64);
        left -= batch;
    }
    assert_eq!(tally(&sinks).dropped, 100);
}

#[test]
fn a_sink_that_stays_keeps_its_queue_and_its_counts() {
    let runtime = runtime();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let gone = Server::start(&[OK]);
    let stays = webhook(&format!("http://{address}/"));
    let mut sinks = start(&runtime, &[webhook(&gone.url("/")), stays.clone()]);
    let names = |sinks: &Sinks| -> Vec<String> {
        let tallies = sinks.tallies().into_iter();
        tallies.map(|tally| tally.name).collect()
    };
    assert_eq!(names(&sinks), ["webhook", "webhook-2"]);
    sinks.send(vec![firing(443)]);
    assert_eq!(states(&gone.next()), ["443 Firing"]);
    let new = Server::start(&[OK]);
    let bad = SinkEntry {
        ca: Some("/nonexistent".into()),
        ..webhook("https://127.0.0.1/")
    };
    sinks.replace(&[stays.clone(), bad]).unwrap_err();
    assert_eq!(names(&sinks), ["webhook", "webhook-2"]);
    let alertmanager = entry(SinkKind::Alertmanager, &new.url(""));
    sinks.replace(&[stays, alertmanager]).unwrap();
    assert_eq!(names(&sinks), ["webhook", "alertmanager"]);
    wait_for(&sinks, |tally| tally.error > 0);
    let server = Server::on(TcpListener::bind(address).unwrap(), &[OK], None);
    assert_eq!(states(&server.next()), ["443 Firing"]);
    sinks.send(vec![firing(444)]);
    assert_eq!(states(&server.next()), ["444 Firing"]);
    assert_eq!(states(&new.next()), ["444 Firing"]);
    gone.none_for(Duration::from_millis(50));
}

#[test]
fn stopping_sends_what_waits_and_ends_in_time() {
    let runtime = runtime();
    // Long enough that only stopping ends the wait.
    let slow = SinkTiming {
        first_backoff: Duration::from_secs(100),
        longest_backoff: Duration::from_secs(100),
        total: Duration::from_secs(100),
        ..QUICK
    };
    let server = Server::start(&[Answer::Status(500, ""), OK]);
    let hangs = Server::start(&[Answer::Hang]);
    let entries = [webhook(&server.url("/")), webhook(&hangs.url("/"))];
    let sinks = Sinks::start(&entries, slow, runtime.handle()).unwrap();
    sinks.send(vec![firing(443)]);
    drop((server.next(), hangs.next()));
    wait_for(&sinks, |tally| tally.error == 1);
    let begin = Instant::now();
    runtime.block_on(sinks.stop(Duration::from_millis(500)));
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(states(&server.next()), ["443 Firing"]);
}
