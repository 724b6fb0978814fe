//! Against a real Alertmanager, with the configuration that docs/alerts.md shows.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test program"
)]

mod kit;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use kit::monitoring::alertmanager::Alertmanager;
use kit::monitoring::wait_until;
use kit::require;
use observer::alert::engine::Now;
use observer::alert::sink::SinkTiming;
use observer::alert::{AlertSettings, Engine, Sinks};
use observer::config::alert::{SinkEntry, SinkKind};
use observer::config::{AlertSection, ScanSection};
use observer::model::{Family, Socket, State};
use observer::policy::counts::SocketCounts;
use observer::policy::snapshot::Flagged;
use observer::policy::span::Span;
use observer::policy::{Health, HostSnapshot, Judged, Policy};

fn snapshot(health: Option<Health>) -> HostSnapshot {
    let mut socket = Socket::unknown(
        Family::Ipv4,
        State::Established,
        "10.0.3.7:51122".parse().unwrap(),
        "203.0.113.9:443".parse().unwrap(),
    );
    socket.keepalive.enabled = Some(false);
    let flagged = health.map(|health| {
        let mut judged = Judged::by(&Policy::default(), socket);
        judged.judgement.health = Some(health);
        Flagged {
            judged,
            workload: "a \"quoted\" \\ ünit".into(),
        }
    });
    HostSnapshot {
        taken_at: Timestamp::now(),
        took: Duration::ZERO,
        scan: "bpf",
        counts: SocketCounts::default(),
        workloads: Vec::new(),
        flagged: flagged.into_iter().collect(),
        unknown: Vec::new(),
    }
}

#[test]
fn alertmanager_shows_what_fires_and_forgets_what_is_resolved() {
    if !require([Alertmanager::need()]) {
        return;
    }
    let alertmanager = Alertmanager::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let entry = SinkEntry {
        kind: SinkKind::Alertmanager,
        url: format!("http://{}", alertmanager.address).parse().unwrap(),
        ca: None,
    };
    let sinks = Sinks::start(&[entry], SinkTiming::default(), runtime.handle()).unwrap();
    let section = AlertSection {
        resolve: Span { ms: 1 },
        ..AlertSection::default()
    };
    let mut engine = Engine::new(AlertSettings::new(
        &section,
        &ScanSection::default(),
        "web-1",
    ));
    let begin = Instant::now();
    let mut look = |health| {
        let now = Now {
            at: Timestamp::now(),
            elapsed: begin.elapsed(),
        };
        let alerts = engine.update(&snapshot(health), now);
        sinks.send(alerts);
        std::thread::sleep(Duration::from_millis(2));
    };

    look(Some(Health::AtRisk));
    let states = || alertmanager.states();
    wait_until("at risk", || states() == ["KeepaliveAtRisk active"]);
    let shown = alertmanager.alerts().remove(0);
    assert_eq!(shown["labels"]["host"], "web-1");
    assert_eq!(shown["labels"]["workload"], "a \"quoted\" \\ ünit");
    assert_eq!(shown["labels"]["remote"], "203.0.113.9:443");
    assert_eq!(shown["annotations"]["path_limit_s"], "350 (aws-nlb)");
    assert_eq!(shown["receivers"][0]["name"], "network");

    // Stale too, and the warning is hidden, until it is resolved.
    look(Some(Health::Stale));
    let both = ["KeepaliveAtRisk suppressed", "KeepaliveStale active"];
    wait_until("stale hides at risk", || states() == both);
    look(Some(Health::Stale));
    wait_until("only stale", || states() == ["KeepaliveStale active"]);
    look(None);
    assert_eq!(states(), ["KeepaliveStale active"]);
    look(None);
    wait_until("all resolved", || states().is_empty());
    let tally = || sinks.tallies().remove(0);
    wait_until("all counted", || tally().ok == 4);
    assert_eq!((tally().error, tally().dropped), (0, 0));
}
