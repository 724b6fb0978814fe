//! Connections that live and die in namespaces of the test's own: `observer trace` tells of each
//! opening, probe and end once, with the cause that the kernel had.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod kit;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kit::bpftool::Held;
use kit::dead_peer::{Link, SERVER, reset_on_close};
use kit::netns::{self, TestNetns};
use kit::options::Options;
use kit::role::{self, Forked, Role};
use kit::setting::{self, Asked, KEEPALIVE};
use kit::sockets::Pair;
use kit::trace::{
    AttachMode, Trace, Turn, at, is_between, listing, modes, number, unless_events_are_lost,
};
use kit::{Need, guest_series, require, tolerance};
use observer::kernel::hooks::{Capacity, Hooks, HooksChoice};
use observer_common::TrackedSocket;
use serde_json::{Value, json};

/// Longest time for an event to be printed.
const SOON: Duration = Duration::from_secs(10);

// Events of one socket

/// One end of a connection, by which its events are found.
#[derive(Debug, Clone, Copy)]
struct End {
    cookie: u64,
    netns: u32,
    local: SocketAddr,
    remote: SocketAddr,
}

impl End {
    fn of(stream: &TcpStream, netns: &TestNetns) -> Self {
        Self {
            cookie: setting::cookie(stream),
            netns: netns.inode(),
            local: stream.local_addr().unwrap(),
            remote: stream.peer_addr().unwrap(),
        }
    }

    fn is_of(&self, event: &Value) -> bool {
        let same = event["netns"] == self.netns && is_between(event, self.local, self.remote);
        if same && !event["cookie"].is_null() {
            assert_eq!(event["cookie"], self.cookie, "{event}");
        }
        same
    }

    fn events(&self, kind: &str, events: &[Value]) -> Vec<Value> {
        let of = |event: &&Value| event["kind"] == kind && self.is_of(event);
        events.iter().filter(of).cloned().collect()
    }

    /// Waits until its end was told.
    fn wait_closed(&self, trace: &Trace) {
        trace.wait_for(&format!("the end of {self:?}"), SOON, |events| {
            (!self.events("closed", events).is_empty()).then_some(())
        });
    }

    /// Its one end, with this cause.
    fn closed(&self, what: &str, cause: &str, events: &[Value]) -> Value {
        let closed = self.events("closed", events);
        assert_eq!(closed.len(), 1, "{what} {self:?}: {}", listing(events));
        assert_eq!(closed[0]["cause"], cause, "{what}: {}", closed[0]);
        closed[0].clone()
    }
}

fn assert_near(what: &str, found: Duration, expected: Duration, tolerance: Duration) {
    assert!(
        found.abs_diff(expected) <= tolerance,
        "{what}: {found:?}, expected {expected:?} within {tolerance:?}"
    );
}

/// Most by which a kernel timer may be late, besides what the host is late.
fn timer_tolerance(long: Duration) -> Duration {
    tolerance() + Duration::from_millis(150) + long / 8
}

fn ms(event: &Value, field: &str) -> Duration {
    Duration::from_millis(number(event, field))
}

fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

// Silent peers

/// A connection whose peer falls silent, and what its client then sees.
struct Silent {
    link: Link,
    client: End,
    /// When connect was called.
    born: Timestamp,
    /// After the last packet was heard.
    heard: Timestamp,
    error: Option<i32>,
    /// When the client's read returned.
    noticed: Timestamp,
}

impl Silent {
    /// `before` is done while the server still answers, `after` once it does not; then the client
    /// reads until it fails.
    fn play(
        set: &Options,
        before: impl FnOnce(&Link, &mut Pair),
        after: impl FnOnce(&mut Pair),
    ) -> Self {
        let link = Link::new();
        let born = Timestamp::now();
        let mut pair = link.pair();
        let client = End::of(&pair.client, &link.client);
        set.set(&pair.client);
        before(&link, &mut pair);
        let heard = Timestamp::now();
        link.silence_server();
        after(&mut pair);
        pair.client
            .set_read_timeout(Some(Duration::from_secs(40)))
            .unwrap();
        let read = pair.client.read(&mut [0]);
        let noticed = Timestamp::now();
        Self {
            link,
            client,
            born,
            heard,
            error: read.err().and_then(|error| error.raw_os_error()),
            noticed,
        }
    }

    /// Asserts its one end: the cause, when, and how old it was.
    fn assert_closed(&self, what: &str, cause: &str, events: &[Value]) -> Value {
        let closed = self.client.closed(what, cause, events);
        let told = at(&closed);
        // The one before the other by as much as it takes to wake the reader.
        let apart = between(told.min(self.noticed), told.max(self.noticed));
        assert_near("told and noticed", apart, Duration::ZERO, 2 * tolerance());
        let age = between(self.born, told);
        assert_near("age_ms", ms(&closed, "age_ms"), age, tolerance());
        closed
    }
}

/// Two seconds, so that the peer is silent before the first probe on a slow host too.
const KEEPALIVE_2_1_3: Options = Options {
    enabled: Some(true),
    idle_s: Some(2),
    interval_s: Some(1),
    probes: Some(3),
    user_timeout_ms: None,
};

#[test]
fn keepalive_finds_a_dead_peer() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in modes() {
            let what = format!("{mode:?}");
            let trace = Trace::start(mode);
            let silent = Silent::play(
                &KEEPALIVE_2_1_3,
                |_, pair| {
                    pair.send(b"request");
                },
                |_| {},
            );
            assert_eq!(silent.error, Some(libc::ETIMEDOUT));
            silent.client.wait_closed(&trace);
            let probes_sent = silent.link.probes_sent();
            let events = trace.finish();
            let probes = silent.client.events("probe", &events);
            let told: Vec<_> = probes.iter().map(|p| p["unanswered"].as_u64()).collect();
            assert_eq!(told, [Some(0), Some(1), Some(2)], "{}", listing(&probes));
            assert_eq!(u64::try_from(probes.len()).unwrap(), probes_sent, "{what}");
            let mut last = silent.heard;
            for (probe, idle_s) in probes.iter().zip([2, 1, 1]) {
                let idle = Duration::from_secs(idle_s);
                let quiet = ms(probe, "quiet_ms");
                assert_near("quiet before a probe", quiet, idle, timer_tolerance(idle));
                let since = between(last, at(probe));
                assert_near("since the last", since, idle, timer_tolerance(idle));
                assert!(probe["pid"].is_null(), "no process acts: {probe}");
                last = at(probe);
            }
            let closed = silent.assert_closed(&what, "keepalive_timeout", &events);
            let limit = Duration::from_secs(2 + 3);
            let took = between(silent.heard, at(&closed));
            assert_near("idle + 3 intervals", took, limit, timer_tolerance(limit));
            let since_probe = between(last, at(&closed));
            let quiet = ms(&closed, "quiet_ms");
            assert_near("quiet_ms", quiet, since_probe, tolerance());
        }
    });
}

#[test]
fn user_timeout_ends_an_idle_connection() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in modes() {
            let trace = Trace::start(mode);
            let set = Options {
                probes: Some(20),
                user_timeout_ms: Some(2500),
                ..KEEPALIVE_2_1_3
            };
            let silent = Silent::play(&set, |_, _| {}, |_| {});
            assert_eq!(silent.error, Some(libc::ETIMEDOUT));
            silent.client.wait_closed(&trace);
            let events = trace.finish();
            let closed = silent.assert_closed(&format!("{mode:?}"), "user_timeout", &events);
            // The first firing of the timer after 2.5 s.
            let limit = Duration::from_secs(3);
            let took = between(silent.heard, at(&closed));
            assert_near("user timeout", took, limit, timer_tolerance(limit));
            assert_eq!(silent.client.events("probe", &events).len(), 1);
        }
    });
}

/// Keepalive is on, but data in flight is the retransmit timer's matter.
#[test]
fn retransmission_ends_a_connection_with_data_in_flight() {
    if !require([Need::Root]) {
        return;
    }
    for (user_timeout_ms, cause) in [(None, "retransmit_timeout"), (Some(1500), "user_timeout")] {
        for mode in modes() {
            let (told, sent) = give_up_sending(
                mode,
                user_timeout_ms,
                cause,
                |pair| {
                    pair.send(b"answered");
                },
                |pair| pair.client.write_all(b"lost").unwrap(),
            );
            assert_eq!(u64::try_from(told.len()).unwrap(), sent, "{mode:?}");
        }
    }
}

/// The peer reads nothing, then answers no window probe: the window probes gave up, not keepalive.
#[test]
fn window_probes_without_an_answer_are_no_keepalive() {
    if !require([Need::Root]) {
        return;
    }
    for (user_timeout_ms, cause) in [(None, "retransmit_timeout"), (Some(3000), "user_timeout")] {
        for mode in modes() {
            let (told, sent) = give_up_sending(mode, user_timeout_ms, cause, Pair::fill, |_| {});
            assert_eq!(sent, 0);
            assert!(told.is_empty(), "{}", listing(&told));
        }
    }
}

/// A connection that ends since what it sends is not answered; the probe events, and how many
/// keepalive probes the kernel counts.
fn give_up_sending(
    mode: AttachMode,
    user_timeout_ms: Option<u32>,
    cause: &str,
    before: impl FnOnce(&mut Pair),
    after: impl FnOnce(&mut Pair),
) -> (Vec<Value>, u64) {
    let trace = Trace::start(mode);
    let set = Options {
        idle_s: Some(1),
        user_timeout_ms,
        ..KEEPALIVE_2_1_3
    };
    let silent = Silent::play(
        &set,
        |link, pair| {
            link.client.enter(|| netns::set_sysctl("tcp_retries2", 3));
            before(pair);
        },
        after,
    );
    assert_eq!(silent.error, Some(libc::ETIMEDOUT), "{mode:?}");
    silent.client.wait_closed(&trace);
    let sent = silent.link.probes_sent();
    let events = trace.finish();
    silent.assert_closed(&format!("{mode:?}"), cause, &events);
    (silent.client.events("probe", &events), sent)
}

/// Without tracefs the hook on setsockopt is lost. Probes are seen all the same, also of a connection that
/// was there before: no other hook has to teach which function a keepalive timer calls.
#[test]
fn probes_are_seen_where_setsockopt_is_not() {
    const ALONE: &str = "umount -l /sys/kernel/tracing; umount -l /sys/kernel/debug/tracing; \
        exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin \"$@\"";
    if !require([
        Need::Root,
        Need::Native,
        Need::Program("setpriv"),
        Need::Program("unshare"),
    ]) {
        return;
    }
    let turn = Turn::alone();
    let pair = Pair::new();
    // It ends by itself, whatever becomes of this test.
    let mut lacking = Command::new("unshare")
        .args(["--mount", "sh", "-c", ALONE, "sh"])
        .arg(env!("CARGO_BIN_EXE_observer"))
        .args([
            "trace",
            "-o",
            "jsonl",
            "--hooks",
            "tracepoint",
            "--for",
            "8s",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(lacking.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("tracing by tracepoint") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    assert!(
        said.contains("the hook setsockopt is not attached"),
        "{said}"
    );
    let set = Options {
        enabled: Some(true),
        idle_s: Some(1),
        interval_s: Some(1),
        ..Options::default()
    };
    set.set(&pair.client);
    let port = pair.client.local_addr().unwrap().port();
    let listed = || {
        let list = kit::trace::observer()
            .args(["list", "--all", "-o", "json"])
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&list.stdout).unwrap()
    };
    let is_unknown = |document: &Value| {
        let mut unknown = document["unknown"].as_array().unwrap().iter();
        unknown.any(|unknown| unknown["field"] == "last_set")
    };
    assert!(is_unknown(&listed()), "nobody saw the options");
    // One that sees them takes its place, though it has remembered for a shorter time.
    let trace = Trace::start_in(turn, AttachMode::Tracepoint, &[]);
    set.set(&pair.client);
    let document = listed();
    assert!(!is_unknown(&document), "{}", document["unknown"]);
    let mut sockets = document["sockets"].as_array().unwrap().iter();
    let client = sockets
        .find(|socket| socket["local"]["port"] == port)
        .unwrap();
    assert_eq!(client["last_set"]["option"], "TCP_KEEPINTVL", "{client}");
    drop(trace);
    let output = lacking.wait_with_output().unwrap();
    let probes = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["kind"] == "probe" && event["local"]["port"] == port)
        .count();
    assert!((2..=8).contains(&probes), "{probes}");
}

/// A probe that is answered ends nothing, and the next one is again the first.
#[test]
fn answered_probes() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in modes() {
            let trace = Trace::start(mode);
            let link = Link::new();
            let pair = link.pair();
            let client = End::of(&pair.client, &link.client);
            let set = Options {
                idle_s: Some(1),
                ..KEEPALIVE_2_1_3
            };
            set.set(&pair.client);
            trace.wait_for("three probes", SOON, |events| {
                (client.events("probe", events).len() >= 3).then_some(())
            });
            // Off, so that both counts are final.
            setting::set(&pair.client, KEEPALIVE, Asked::Int(0));
            let sent = link.probes_sent();
            let events = trace.finish();
            let probes = client.events("probe", &events);
            assert_eq!(u64::try_from(probes.len()).unwrap(), sent, "{mode:?}");
            for probe in &probes {
                assert_eq!(probe["unanswered"], 0, "{probe}");
                let idle = Duration::from_secs(1);
                assert_near("quiet", ms(probe, "quiet_ms"), idle, timer_tolerance(idle));
            }
            let server = End::of(&pair.server, &link.server);
            assert!(server.events("probe", &events).is_empty(), "{mode:?}");
            assert!(client.events("closed", &events).is_empty(), "{mode:?}");
        }
    });
}

/// Traffic flows: the timer fires, finds that there was some, and only arms itself anew.
#[test]
fn a_timer_that_only_arms_itself_anew_sends_no_probe() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in modes() {
            let trace = Trace::start(mode);
            let link = Link::new();
            let mut pair = link.pair();
            let client = End::of(&pair.client, &link.client);
            let set = Options {
                // An emulated host may not keep up with 300 ms.
                idle_s: Some(if guest_series().is_some() { 2 } else { 1 }),
                ..KEEPALIVE_2_1_3
            };
            set.set(&pair.client);
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(3300) {
                pair.send(b"more");
                std::thread::sleep(Duration::from_millis(300));
            }
            setting::set(&pair.client, KEEPALIVE, Asked::Int(0));
            assert_eq!(link.probes_sent(), 0, "the test keeps up");
            let events = trace.finish();
            let told = client.events("probe", &events);
            assert!(told.is_empty(), "{mode:?}: {}", listing(&told));
        }
    });
}

// Ends that somebody makes

#[test]
fn a_reset_by_the_peer() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in modes() {
            let what = format!("{mode:?}");
            let trace = Trace::start(mode);
            let link = Link::new();
            let mut pair = link.pair();
            let (client, server) = (
                End::of(&pair.client, &link.client),
                End::of(&pair.server, &link.server),
            );
            reset_on_close(&pair.server);
            drop(pair.server);
            let error = pair.client.read(&mut [0]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET));
            drop(pair.client);
            client.wait_closed(&trace);
            server.wait_closed(&trace);
            let events = trace.finish();
            client.closed(&what, "reset", &events);
            server.closed(&what, "closed", &events);
        }
    });
}

/// Each end closes: one event an end, whoever closes first, and however long TIME_WAIT is.
#[test]
fn ordinary_ends() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in modes() {
            let what = format!("{mode:?}");
            let trace = Trace::start(mode);
            let link = Link::new();
            let mut ends = Vec::new();
            for client_first in [true, false] {
                let mut pair = link.pair();
                pair.send(b"request");
                ends.push((End::of(&pair.client, &link.client), pair.connected));
                ends.push((End::of(&pair.server, &link.server), pair.connected));
                let (mut first, mut second) = if client_first {
                    (pair.client, pair.server)
                } else {
                    (pair.server, pair.client)
                };
                std::thread::sleep(Duration::from_millis(100));
                first.shutdown(Shutdown::Write).unwrap();
                assert_eq!(second.read(&mut [0]).unwrap(), 0);
                drop(second);
                assert_eq!(first.read(&mut [0]).unwrap(), 0);
            }
            for (end, _) in &ends {
                end.wait_closed(&trace);
            }
            let events = trace.finish();
            for (end, connected) in &ends {
                let closed = end.closed(&what, "closed", &events);
                let age = ms(&closed, "age_ms");
                assert!(age >= Duration::from_millis(90), "{closed}");
                assert!(age <= connected.elapsed(), "{closed}");
                assert!(ms(&closed, "quiet_ms") <= age + tolerance(), "{closed}");
                assert_eq!(end.events("opened", &events).len(), 1, "{what}");
            }
        }
    });
}

/// Events of connections that were attempted from `netns` to `remote`.
fn attempts(kind: &str, netns: &TestNetns, remote: SocketAddr, events: &[Value]) -> Vec<Value> {
    let of = |event: &&Value| {
        event["kind"] == kind
            && event["netns"] == netns.inode()
            && kit::trace::address(event, "remote") == Some(remote)
    };
    events.iter().filter(of).cloned().collect()
}

#[test]
fn attempts_to_connect_that_fail() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in modes() {
            let trace = Trace::start(mode);
            let link = Link::new();
            let refused = SocketAddr::new(SERVER.into(), 7);
            let listener = link.listen();
            let silent = listener.local_addr().unwrap();
            let connect = |to| {
                link.client
                    .enter(|| TcpStream::connect(to).unwrap_err().raw_os_error())
            };
            assert_eq!(connect(refused), Some(libc::ECONNREFUSED));
            link.client
                .enter(|| netns::set_sysctl("tcp_syn_retries", 1));
            link.silence_server();
            let born = Timestamp::now();
            assert_eq!(connect(silent), Some(libc::ETIMEDOUT));
            let noticed = Timestamp::now();
            for to in [refused, silent] {
                trace.wait_for("the end of an attempt", SOON, |events| {
                    let closed = attempts("closed", &link.client, to, events);
                    (!closed.is_empty()).then_some(())
                });
            }
            let events = trace.finish();
            for (to, cause) in [(refused, "reset"), (silent, "retransmit_timeout")] {
                let closed = attempts("closed", &link.client, to, &events);
                assert_eq!(closed.len(), 1, "{mode:?}: {}", listing(&closed));
                assert_eq!(closed[0]["cause"], cause, "{mode:?}: {}", closed[0]);
                // Where the state is shown, it is the one that it had.
                if let Some(state) = closed[0].get("state") {
                    assert_eq!(state, "syn-sent", "{}", closed[0]);
                }
                let opened = attempts("opened", &link.client, to, &events);
                assert!(opened.is_empty(), "{mode:?}: {}", listing(&opened));
                let owner = &closed[0]["owner"];
                assert_eq!(owner["pid"], std::process::id(), "{}", closed[0]);
            }
            let closed = &attempts("closed", &link.client, silent, &events)[0];
            let took = between(born, noticed);
            assert_near("age_ms", ms(closed, "age_ms"), took, 2 * tolerance());
        }
    });
}

// Who opens

#[test]
#[ignore = "a role that the other tests start"]
fn role() {
    let Some(role) = role::current() else { return };
    match role[0].as_str() {
        "listener" => listener(),
        "connector" => connector(role[1].parse().unwrap()),
        "flood" => flood(role[1].parse().unwrap()),
        other => panic!("no role {other}"),
    }
}

/// One process listens, another that it forked accepts.
fn listener() {
    let listener = TcpListener::bind("127.9.20.1:0").unwrap();
    role::say(&json!({ "address": listener.local_addr().unwrap() }));
    let accept = || {
        for _ in 0..2 {
            let (accepted, _) = listener.accept().unwrap();
            let nonblocking = accepted.peer_addr().unwrap();
            role::say(&json!({
                "pid": std::process::id(),
                "comm": role::comm(),
                "cookie": setting::cookie(&accepted),
                "remote": nonblocking,
            }));
            role::wait_go();
        }
    };
    Forked::start("life-accept", accept).finish();
}

/// Connects once waiting, and once not.
fn connector(to: SocketAddr) {
    let work = || {
        let waiting = TcpStream::connect(to).unwrap();
        tell_connected(&waiting);
        role::wait_go();
        let type_ = rustix::net::SocketType::STREAM;
        let flags = rustix::net::SocketFlags::NONBLOCK;
        let family = rustix::net::AddressFamily::INET;
        let hasty = rustix::net::socket_with(family, type_, flags, None).unwrap();
        match rustix::net::connect(&hasty, &to) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => panic!("{error}"),
        }
        tell_connected(&TcpStream::from(hasty));
        role::wait_go();
    };
    Forked::start("life-connect", work).finish();
}

fn tell_connected(stream: &TcpStream) {
    role::say(&json!({
        "pid": std::process::id(),
        "comm": role::comm(),
        "cookie": setting::cookie(stream),
        "local": stream.local_addr().unwrap(),
    }));
}

#[test]
fn who_connected_and_who_accepted() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in modes() {
            let trace = Trace::start(mode);
            let mut accepting = Role::start("listener");
            let address = accepting.next()["address"].clone();
            let address: SocketAddr = address.as_str().unwrap().parse().unwrap();
            let mut connecting = Role::start(&format!("connector {address}"));
            let mut ends = Vec::new();
            for _ in 0..2 {
                let (connected, accepted) = (connecting.next(), accepting.next());
                let client: SocketAddr = connected["local"].as_str().unwrap().parse().unwrap();
                assert_eq!(connected["local"], accepted["remote"]);
                ends.push(("connect", client, address, connected));
                ends.push(("accept", address, client, accepted));
                connecting.go();
                accepting.go();
            }
            connecting.finish();
            accepting.finish();
            let of = |kind: &str, local, remote, events: &[Value]| -> Vec<Value> {
                let of = |e: &&Value| e["kind"] == kind && is_between(e, local, remote);
                events.iter().filter(of).cloned().collect()
            };
            for (_, local, remote, _) in &ends {
                trace.wait_for("the end of each", SOON, |events| {
                    (!of("closed", *local, *remote, events).is_empty()).then_some(())
                });
            }
            let events = trace.finish();
            for (side, local, remote, who) in &ends {
                let opened = of("opened", *local, *remote, &events);
                assert_eq!(opened.len(), 1, "{mode:?} {side}: {}", listing(&events));
                let opened = &opened[0];
                assert_eq!(&opened["side"], side, "{mode:?}: {opened}");
                let owner = json!({ "pid": who["pid"], "comm": who["comm"] });
                assert_eq!(opened["pid"], who["pid"], "{mode:?}: {opened}");
                assert_eq!(opened["comm"], who["comm"], "{mode:?}: {opened}");
                assert_eq!(opened["owner"], owner, "{mode:?}: {opened}");
                let cookie = &opened["cookie"];
                assert!(
                    cookie.is_null() || *cookie == who["cookie"],
                    "{mode:?}: {opened}"
                );
                let closed = of("closed", *local, *remote, &events);
                assert_eq!(closed.len(), 1, "{mode:?} {side}: {}", listing(&closed));
                assert_eq!(closed[0]["owner"], owner, "{mode:?}: {}", closed[0]);
            }
        }
    });
}

// Many

/// The memory of sockets holds the living only.
#[test]
fn many_quick_connections_leave_no_notes() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        let connections = if std::env::var_os("OBSERVER_LONG_TESTS").is_some() {
            100_000
        } else {
            20_000
        };
        // Other tests have sockets too.
        const OTHERS: usize = 300;
        for mode in modes() {
            let turn = Turn::alone();
            let trace = Trace::start_in(turn, mode, &[]);
            let held = Held::by(trace.pid());
            let netns = TestNetns::new();
            let before = held.notes();
            netns.enter(|| quick_connections(connections));
            let deadline = Instant::now() + SOON;
            let mut after = held.notes();
            while after > before + OTHERS && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(200));
                after = held.notes();
            }
            assert!(after <= before + OTHERS, "{mode:?}: {before}, now {after}");
            // Dropped: what was printed meanwhile may have been too much for it.
            drop(trace);
        }
    });
}

/// Sockets that do not fit are counted, and those that fit are right.
#[test]
fn more_sockets_than_there_is_room_for() {
    if !require([Need::Root]) {
        return;
    }
    const ROOM: u32 = 16;
    const CONNECTIONS: usize = 100;
    let _turn = Turn::alone();
    let capacity = Capacity {
        tracked: ROOM,
        events_bytes: 1 << 16,
    };
    let hooks = Hooks::open(HooksChoice::Auto, capacity).unwrap();
    let before = hooks.counters().unwrap().tracked_rejected;
    let pairs: Vec<Pair> = (0..CONNECTIONS).map(|_| Pair::new()).collect();
    let rejected = hooks.counters().unwrap().tracked_rejected - before;
    let least = u64::try_from(2 * CONNECTIONS).unwrap() - u64::from(ROOM);
    assert!(rejected >= least, "{rejected} of at least {least}");
    let kept: Vec<TrackedSocket> = hooks.tracked().iter().collect();
    assert!(
        kept.len() <= usize::try_from(ROOM).unwrap(),
        "{}",
        kept.len()
    );
    let cookies: Vec<u64> = pairs
        .iter()
        .flat_map(|pair| [setting::cookie(&pair.client), setting::cookie(&pair.server)])
        .collect();
    let own = kept
        .iter()
        .filter(|socket| cookies.contains(&socket.cookie));
    for socket in own {
        assert_ne!(socket.born_ns, 0, "{socket:?}");
    }
}

/// Half of them are reset and half closed, and no address runs out of ports.
fn quick_connections(count: u32) {
    const EACH: u32 = 10_000;
    for first in (0..count).step_by(usize::try_from(EACH).unwrap()) {
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + first / EACH);
        let listener = TcpListener::bind(SocketAddr::new(address.into(), 0)).unwrap();
        let to = listener.local_addr().unwrap();
        for i in first..count.min(first + EACH) {
            let client = TcpStream::connect(to).unwrap();
            let (server, _) = listener.accept().unwrap();
            if i % 2 == 0 {
                reset_on_close(&client);
            }
            setting::set_raw(client.as_raw_fd(), KEEPALIVE, Asked::Int(1));
            drop(client);
            drop(server);
        }
    }
}

/// Sets SO_KEEPALIVE as fast as two threads can.
fn flood(each: u32) {
    role::say(&json!({ "pid": std::process::id() }));
    role::wait_go();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let pair = Pair::new();
                let fd = pair.client.as_raw_fd();
                for i in 0..each {
                    let value = i32::try_from(i % 2).unwrap();
                    assert_eq!(setting::set_raw(fd, KEEPALIVE, Asked::Int(value)), 0);
                }
            });
        }
    });
    role::say(&json!({ "done": true }));
}

/// More events than fit: those that do not are counted, none is told twice, memory stays bounded.
#[test]
fn a_flood_is_counted() {
    if !require([Need::Root]) {
        return;
    }
    let (each, seconds) = if guest_series().is_some() {
        (10_000_u32, "25")
    } else {
        (100_000, "12")
    };
    for mode in kit::trace::setsockopt_modes() {
        let mut trace = Trace::start_in(Turn::alone(), mode, &["--for", seconds]);
        let mut role = Role::start(&format!("flood {each}"));
        let pid = role.next()["pid"].clone();
        let before_kib = trace.rss_kib().unwrap();
        role.go();
        assert_eq!(role.next()["done"], true);
        assert!(trace.is_running(), "the flood is over before the trace is");
        role.finish();
        let mut most_kib = before_kib;
        // Until it has ended: then nothing is known any more.
        while let Some(kib) = trace.rss_kib() {
            most_kib = most_kib.max(kib);
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(
            most_kib <= before_kib + 8 * 1024,
            "{mode:?}: {before_kib} KiB grew to {most_kib} KiB"
        );
        let traced = trace.wait(Duration::from_secs(20));
        let count = |keep: &dyn Fn(&Value) -> bool| {
            let kept = traced.events.iter().filter(|event| keep(event)).count();
            u64::try_from(kept).unwrap()
        };
        let made = u64::from(2 * each);
        let told = count(&|event| event["kind"] == "set" && event["pid"] == pid);
        let lost_lines: Vec<&Value> = traced
            .events
            .iter()
            .filter(|event| event["kind"] == "lost")
            .collect();
        let lost: u64 = lost_lines.iter().map(|event| number(event, "count")).sum();
        assert_eq!(
            lost, traced.lost,
            "{mode:?}: the closing line says the same"
        );
        let all = count(&|event| event["kind"] != "lost");
        assert_eq!(all, traced.printed, "{mode:?}: and that every event came");
        assert!(told <= made, "{mode:?}: {told} told of {made}");
        assert!(told + lost >= made, "{mode:?}: {told} + {lost} of {made}");
        // What else was lost is no more than what else happened on this host.
        let others = 5_000;
        assert!(told + lost <= made + others, "{mode:?}: {told} + {lost}");
        if lost == 0 {
            assert_eq!(told, made, "{mode:?}");
        }
    }
}
