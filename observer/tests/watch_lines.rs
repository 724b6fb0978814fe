//! `observer watch` where stdout is no terminal: one line a change of health.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod kit;

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kit::dead_peer::Link;
use kit::options::Options;
use kit::{Need, choices, require};
use observer::source::ScanChoice;

/// A watch that prints lines; killed when dropped.
struct Lines {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

const SOON: Duration = Duration::from_secs(30);

/// Scans come each second, probes too, and either may be late: two of them in a row must still be
/// far from half of it.
const LIMIT: &str = "8s";

impl Lines {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_observer"))
            .args(["watch", "--interval", "1s", "--path", LIMIT])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (out, collected) = (child.stdout.take().unwrap(), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                collected.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    /// Lines on a connection as one end has it, without the time.
    fn of(&self, end: &End) -> Vec<String> {
        let ends = format!("{} -> {}", end.local, end.remote);
        let lines = self.lines.lock().unwrap();
        let of_end = lines.iter().filter(|line| line.contains(&ends));
        of_end.map(|line| line[13..].to_owned()).collect()
    }

    /// The last line, which begins so.
    fn wait_for(&self, end: &End, begins: &str) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            let lines = self.of(end);
            if let Some(line) = lines.last().filter(|line| line.starts_with(begins)) {
                return line.clone();
            }
            assert!(Instant::now() < deadline, "no {begins:?}: {lines:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A connection as one of its ends has it.
struct End {
    local: SocketAddr,
    remote: SocketAddr,
}

impl End {
    fn of(stream: &TcpStream) -> Self {
        Self {
            local: stream.local_addr().unwrap(),
            remote: stream.peer_addr().unwrap(),
        }
    }
}

#[test]
fn from_well_to_forgotten_and_back() {
    if !require([Need::Root]) {
        return;
    }
    // What follows from silence is the same however it was found.
    let scan = choices()[0].name();
    let link = Link::new();
    let mut pair = link.pair();
    let client = End::of(&pair.client);
    let pid = std::process::id().to_string();
    let lines = Lines::start(&["--scan", scan, "--pid", &pid]);
    let line = lines.wait_for(&client, "ok -> at-risk ");
    assert!(line.contains(&format!(" {pid}/")), "{line}");
    assert!(
        line.contains(&format!(" of {}, keepalive off, timer off", LIMIT)),
        "{line}"
    );
    lines.wait_for(&client, "at-risk -> stale ");
    pair.send(b"after all");
    lines.wait_for(&client, "stale -> ok ");
    lines.wait_for(&client, "ok -> at-risk ");
    drop(pair);
    lines.wait_for(&client, "at-risk -> gone ");
}

/// The client probes every second. At the server, which has keepalive off, nothing but a count of
/// segments tells.
#[test]
fn what_the_peer_keeps_alive_is_well() {
    if !require([Need::Root]) {
        return;
    }
    for scan in choices().into_iter().map(ScanChoice::name) {
        let link = Link::new();
        let (kept, other) = (link.pair(), link.pair());
        let set = Options {
            enabled: Some(true),
            idle_s: Some(1),
            interval_s: Some(1),
            ..Options::default()
        };
        set.set(&kept.client);
        let pid = std::process::id().to_string();
        let lines = Lines::start(&["--scan", scan, "--pid", &pid]);
        // As long as the other takes to be forgotten.
        lines.wait_for(&End::of(&other.server), "at-risk -> stale ");
        for end in [End::of(&kept.server), End::of(&kept.client)] {
            assert_eq!(lines.of(&end), Vec::<String>::new(), "{scan}");
        }
    }
}

#[test]
fn it_ends_by_itself_and_when_nobody_reads() {
    let watch = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_observer"));
        command.args(["watch", "--interval", "1s"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
    };
    let began = Instant::now();
    let output = watch().args(["--for", "1s"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(began.elapsed() < SOON);
    let mut child = watch().spawn().unwrap();
    drop(child.stdout.take());
    let deadline = Instant::now() + SOON;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it goes on without a reader");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(status.code(), Some(0));
}
