//! Against a real Alertmanager, with the configuration that docs/alerts.md shows.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test program"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use observer::alert::engine::Now;
use observer::alert::sink::Timing;
use observer::alert::{Engine, Settings, Sinks};
use observer::config::alert::{SinkEntry, SinkKind};
use observer::config::{AlertSection, ScanSection};
use observer::model::{Family, Socket, State};
use observer::policy::picture::{Counts, Notable};
use observer::policy::span::Span;
use observer::policy::{Health, Picture, Reasons, Verdict};
use serde_json::Value;

/// As Debian and as its makers name it.
const PROGRAMS: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];

/// The program, if it is there. Where it is promised it must be; elsewhere the test says why it
/// does not run.
fn program() -> Option<&'static str> {
    let runs = |program: &&str| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|version| version.status.success())
    };
    let found = PROGRAMS.into_iter().find(runs);
    if found.is_none() {
        assert!(
            std::env::var_os("OBSERVER_REQUIRE_PRIVILEGED").is_none()
                && std::env::var_os("CI").is_none(),
            "this test needs Alertmanager (Debian: prometheus-alertmanager), and may not be skipped here"
        );
        eprintln!("not run: it needs Alertmanager (Debian: prometheus-alertmanager)");
    }
    found
}

struct Alertmanager {
    process: Child,
    address: SocketAddr,
    dir: PathBuf,
}

impl Alertmanager {
    fn start(program: &str) -> Self {
        let page = include_str!("../../docs/alerts.md");
        let config = page.split("```yaml").nth(1).unwrap();
        let dir = std::env::temp_dir().join(format!("observer-am-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("alertmanager.yml");
        std::fs::write(&file, config.split("```").next().unwrap()).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let process = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", dir.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let this = Self {
            process,
            address,
            dir,
        };
        this.wait_until("it is ready", || this.get("/-/ready").is_some());
        this
    }

    /// The body of an answer of 200. HTTP 1.0, so that it is not in chunks.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 OK").then(|| body.to_owned())
    }

    fn alerts(&self) -> Vec<Value> {
        let body = self.get("/api/v2/alerts").unwrap();
        serde_json::from_str(&body).unwrap()
    }

    /// Names of its alerts with their state, sorted.
    fn states(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let alerts = self.alerts().into_iter();
        let mut states: Vec<String> = alerts
            .map(|a| {
                format!(
                    "{} {}",
                    text(&a["labels"]["alertname"]),
                    text(&a["status"]["state"])
                )
            })
            .collect();
        states.sort();
        states
    }

    fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let begin = Instant::now();
        while !holds() {
            assert!(begin.elapsed() < Duration::from_secs(30), "never: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

fn picture(health: Option<Health>) -> Picture {
    let mut socket = Socket::unknown(
        Family::Ipv4,
        State::Established,
        "10.0.3.7:51122".parse().unwrap(),
        "203.0.113.9:443".parse().unwrap(),
    );
    socket.keepalive.enabled = Some(false);
    let notable = health.map(|health| Notable {
        limit_s: Some(350),
        limit_from: "aws-nlb".into(),
        verdict: Some(Verdict::Unprotected),
        health: Some(health),
        reasons: Reasons::of(&socket, Some(350), false),
        workload: "a \"quoted\" \\ ünit".into(),
        socket,
    });
    Picture {
        taken_at: Timestamp::now(),
        took: Duration::ZERO,
        scan: "bpf",
        counts: Counts::default(),
        workloads: Vec::new(),
        notable: notable.into_iter().collect(),
        unknown: Vec::new(),
    }
}

#[test]
fn alertmanager_shows_what_fires_and_forgets_what_is_resolved() {
    let Some(program) = program() else {
        return;
    };
    let alertmanager = Alertmanager::start(program);
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
    let sinks = Sinks::start(&[entry], Timing::default(), runtime.handle()).unwrap();
    let section = AlertSection {
        resolve: Span { ms: 1 },
        ..AlertSection::default()
    };
    let mut engine = Engine::new(Settings::new(&section, &ScanSection::default(), "web-1"));
    let begin = Instant::now();
    let mut look = |health| {
        let now = Now {
            at: Timestamp::now(),
            elapsed: begin.elapsed(),
        };
        let alerts = engine.look(&picture(health), now);
        sinks.send(alerts);
        std::thread::sleep(Duration::from_millis(2));
    };

    look(Some(Health::AtRisk));
    let states = || alertmanager.states();
    alertmanager.wait_until("at risk", || states() == ["KeepaliveAtRisk active"]);
    let shown = alertmanager.alerts().remove(0);
    assert_eq!(shown["labels"]["host"], "web-1");
    assert_eq!(shown["labels"]["workload"], "a \"quoted\" \\ ünit");
    assert_eq!(shown["labels"]["remote"], "203.0.113.9:443");
    assert_eq!(shown["annotations"]["path_limit_s"], "350 (aws-nlb)");
    assert_eq!(shown["receivers"][0]["name"], "network");

    // Stale too, and the warning is hidden, until it is resolved.
    look(Some(Health::Stale));
    let both = ["KeepaliveAtRisk suppressed", "KeepaliveStale active"];
    alertmanager.wait_until("stale hides at risk", || states() == both);
    look(Some(Health::Stale));
    alertmanager.wait_until("only stale", || states() == ["KeepaliveStale active"]);
    look(None);
    assert_eq!(states(), ["KeepaliveStale active"]);
    look(None);
    alertmanager.wait_until("all resolved", || states().is_empty());
    let tally = || sinks.tallies().remove(0);
    alertmanager.wait_until("all counted", || tally().ok == 4);
    assert_eq!((tally().error, tally().dropped), (0, 0));
}
