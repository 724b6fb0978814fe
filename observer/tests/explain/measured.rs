//! Each layer waits as the kernel does: real waits, timed.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, sockopt};
use serde_json::Value;

use super::layers::set_syncnt;
use super::{explain, explain_socket, limit_ms, try_explain};
use crate::kit::dead_peer::{Link, SERVER};
use crate::kit::netns::set_sysctl;
use crate::kit::require::{Need, PYTHON, require};

/// Asserts that a wait took as long as was foretold. Timers fire late, and a busy machine wakes
/// who waits later still.
fn assert_took(what: &str, foretold_ms: u64, took: Duration, more: Duration) {
    let foretold = Duration::from_millis(foretold_ms);
    assert!(
        took + Duration::from_millis(30) >= foretold
            && took <= foretold + foretold / 10 + more + Duration::from_millis(400),
        "{what}: {foretold:?} foretold, took {took:?}"
    );
}

/// Does something, and says from when to when.
fn timed<T>(work: impl FnOnce() -> T) -> (T, [Instant; 2]) {
    let began = Instant::now();
    let result = work();
    (result, [began, Instant::now()])
}

/// Asserts that what was foretold at some time of `asked` came at `ended`.
fn assert_left(what: &str, document: &Value, asked: [Instant; 2], ended: Instant) {
    let in_ms = document["outcome"]["in_ms"].as_u64().unwrap();
    let foretold = Duration::from_millis(in_ms);
    let [longest, shortest] = asked.map(|asked| ended.duration_since(asked));
    // Timers fire up to an eighth late.
    let (slack, late) = (Duration::from_millis(300), longest / 8);
    assert!(
        foretold + late + slack >= shortest && foretold <= longest + slack,
        "{what}: {foretold:?} foretold, {shortest:?} to {longest:?} were left"
    );
}

/// Connects to the silent server, with options set before. On a busy machine it may have ended before
/// observer has looked at it: then another one is tried.
fn connect(link: &Link, prepare: impl Fn(&rustix::fd::OwnedFd) + Sync) {
    const TRIES: usize = 10;
    let foretold = (0..TRIES).any(|_| connect_once(link, &prepare));
    assert!(
        foretold,
        "each of {TRIES} connections ended before observer had looked"
    );
}

/// True if observer has looked in time.
fn connect_once(link: &Link, prepare: &(impl Fn(&rustix::fd::OwnedFd) + Sync)) -> bool {
    let socket = link
        .client
        .enter(|| rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap());
    prepare(&socket);
    let peer = SocketAddr::new(SERVER.into(), 9);
    let began = Instant::now();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| {
            let error = rustix::net::connect(&socket, &peer).unwrap_err();
            (error, began.elapsed())
        });
        std::thread::sleep(Duration::from_millis(300));
        let cookie = sockopt::socket_cookie(&socket).unwrap().to_string();
        let (document, said) = try_explain(&["--cookie", &cookie]);
        let (error, took) = waits.join().unwrap();
        let Some(document) = document else {
            assert!(said.contains("gone with its socket"), "{said}");
            return false;
        };
        assert_eq!(document["outcome"]["kind"], "connecting");
        assert_eq!(error, rustix::io::Errno::TIMEDOUT);
        assert_took(
            "connect",
            limit_ms(&document, "connect"),
            took,
            Duration::ZERO,
        );
        true
    })
}

#[test]
fn connect_ends_when_foretold() {
    if !require([Need::Root]) {
        return;
    }
    let link = Link::new();
    link.client.enter(|| set_sysctl("tcp_syn_retries", 1));
    link.silence_server();
    std::thread::scope(|scope| {
        scope.spawn(|| connect(&link, |_| {}));
        scope.spawn(|| connect(&link, |socket| set_syncnt(socket, 2)));
        scope.spawn(|| connect(&link, |s| sockopt::set_tcp_user_timeout(s, 2500).unwrap()));
    });
}

/// Sends into silence, and what was foretold before and meanwhile.
fn retransmit(link: &Link, prepare: impl Fn(&TcpStream), silence: &std::sync::Barrier) {
    let mut pair = link.pair();
    prepare(&pair.client);
    pair.send(b"the RTO is measured");
    let before = explain_socket(&pair.client);
    silence.wait();
    // The other thread makes the server silent.
    silence.wait();
    pair.client.write_all(b"lost").unwrap();
    let began = Instant::now();
    std::thread::sleep(Duration::from_millis(1200));
    let (meanwhile, asked) = timed(|| explain_socket(&pair.client));
    let error = pair.client.read(&mut [0]).unwrap_err();
    let took = began.elapsed();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    // A tail loss probe comes before the first retransmission.
    let probe = Duration::from_millis(300);
    assert_took("write", limit_ms(&before, "write"), took, probe);
    assert_eq!(
        meanwhile["outcome"]["kind"], "retransmitting",
        "{meanwhile}"
    );
    assert_left("retransmission", &meanwhile, asked, began + took);
}

#[test]
fn retransmission_ends_when_foretold() {
    if !require([Need::Root]) {
        return;
    }
    let link = Link::new();
    link.client.enter(|| set_sysctl("tcp_retries2", 3));
    let silence = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        scope.spawn(|| retransmit(&link, |_| {}, &silence));
        scope.spawn(|| {
            let set = |socket: &TcpStream| sockopt::set_tcp_user_timeout(socket, 3000).unwrap();
            retransmit(&link, set, &silence);
        });
        silence.wait();
        link.silence_server();
        silence.wait();
    });
}

#[test]
fn a_read_and_a_probed_connection_end_when_foretold() {
    if !require([Need::Root]) {
        return;
    }
    let link = Link::new();
    let mut read = link.pair();
    let mut probed = link.pair();
    crate::kit::options::Options {
        enabled: Some(true),
        idle_s: Some(2),
        interval_s: Some(2),
        probes: Some(2),
        user_timeout_ms: None,
    }
    .set(&probed.client);
    read.client
        .set_read_timeout(Some(Duration::from_millis(1500)))
        .unwrap();
    link.silence_server();
    let foretold_ms = limit_ms(&explain_socket(&read.client), "read");
    let began = Instant::now();
    let error = read.client.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert_took("read", foretold_ms, began.elapsed(), Duration::ZERO);

    let began = Instant::now();
    let (document, asked) = loop {
        let (document, asked) = timed(|| explain_socket(&probed.client));
        if document["outcome"]["kind"] == "probing" {
            break (document, asked);
        }
        assert!(began.elapsed() < Duration::from_secs(10), "it never probes");
    };
    let error = probed.client.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_left("keepalive", &document, asked, Instant::now());
    assert_eq!(limit_ms(&document, "keepalive"), 6000);
}

/// Looks a name up at nameservers that do not answer, with a connection open meanwhile.
const LOOKUP: &str = "\
import socket, sys, time
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print('ready', flush=True)
sys.stdin.readline()
began = time.monotonic()
try:
    socket.getaddrinfo('name.test', 80)
except OSError:
    pass
print(time.monotonic() - began, flush=True)
sys.stdin.readline()
";

struct Files(PathBuf);

impl Files {
    fn new(name: &str, resolv: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("observer-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("resolv.conf"), resolv).unwrap();
        std::fs::write(folder.join("nsswitch.conf"), "hosts: files dns\n").unwrap();
        Self(folder)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn lookup(link: &Link, name: &str, resolv: &str, silence: &std::sync::Barrier, foretold_ms: u64) {
    let files = Files::new(name, resolv);
    let listener = link.listen();
    let address = listener.local_addr().unwrap();
    let script = "for f in resolv nsswitch; do mount --bind $0/$f.conf /etc/$f.conf || exit 1; done; exec \"$@\"";
    let mut child = link.client.enter(|| {
        Command::new("unshare")
            .args(["-m", "sh", "-c", script])
            .arg(&files.0)
            .args([
                PYTHON,
                "-c",
                LOOKUP,
                &address.ip().to_string(),
                &address.port().to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    });
    let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut said = [0; 6];
    from.read_exact(&mut said).unwrap();
    let pid = child.id().to_string();
    let document = explain(&["--pid", &pid, "--port", &address.port().to_string()]);
    assert_eq!(limit_ms(&document, "lookup"), foretold_ms, "{document}");
    silence.wait();
    silence.wait();
    to.write_all(b"\n").unwrap();
    let mut took = String::new();
    let mut byte = [0];
    while from.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        took.push(char::from(byte[0]));
    }
    let took = Duration::from_secs_f64(took.parse().unwrap());
    assert_took("lookup", foretold_ms, took, Duration::ZERO);
    drop(to);
    child.wait().unwrap();
}

#[test]
fn a_lookup_ends_when_foretold() {
    if !require([Need::Root, Need::Program(PYTHON)]) {
        return;
    }
    let link = Link::new();
    let silence = std::sync::Barrier::new(3);
    let servers = format!("nameserver {SERVER}\n").repeat(3);
    std::thread::scope(|scope| {
        // 2 s, 4/3 s and 8/3 s in whole seconds.
        scope.spawn(|| {
            let conf = format!("{servers}options timeout:2 attempts:1\n");
            lookup(&link, "plain", &conf, &silence, 5000);
        });
        // Twice a second, for the name as it is and in the first domain.
        scope.spawn(|| {
            let conf = format!(
                "nameserver {SERVER}\nsearch a.test b.test\noptions timeout:1 attempts:2 rotate\n"
            );
            lookup(&link, "search", &conf, &silence, 4000);
        });
        silence.wait();
        link.silence_server();
        silence.wait();
    });
}
