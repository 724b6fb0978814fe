//! Parity of the in-kernel summary with a scan of every socket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod kit;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use kit::dead_peer::Link;
use kit::netns;
use kit::options::Options;
use kit::role::{self, Forked, Role};
use kit::sockets::Pair;
use kit::{Need, iterators, require};
use observer::agent::snapshot::{ScanInfo, build_snapshot};
use observer::agent::workload::Workload;
use observer::host::clock;
use observer::model::StateSet;
use observer::model::scan::ScanRequest;
use observer::policy::counts::ByVerdict;
use observer::policy::snapshot::Flagged;
use observer::policy::{Health, HostSnapshot, PathPolicy, Policy, Segments, Verdict};
use observer::source::summary::{Summary, SummaryRequest};
use observer::source::{ScanChoice, Source};
use serde_json::json;

/// Its name counts as a workload.
const COMM: &str = "summarized";
/// The same of connections that settings alone do not judge.
const FORECASTS: &str = "forecast";

fn policy(limit: &str) -> Policy {
    Policy {
        path: PathPolicy::overridden(limit.parse().unwrap()),
        at_risk: 0.5,
    }
}

/// Sweeps by scans and by summaries.
struct Sweeper {
    source: Source,
    segments: Segments,
    policy: Policy,
}

impl Sweeper {
    fn new(policy: Policy) -> Self {
        let mut sweeper = Self {
            source: Source::open(ScanChoice::Bpf).unwrap(),
            segments: Segments::default(),
            policy,
        };
        // The first is a scan in any case.
        sweeper.summarize();
        sweeper
    }

    fn summarize(&mut self) -> HostSnapshot {
        let request = SummaryRequest {
            policy: &self.policy,
            by_comm: true,
        };
        let summary = self.source.summarize(&request).unwrap();
        self.snapshot(summary)
    }

    fn scan(&mut self) -> HostSnapshot {
        let states = StateSet::CONNECTED;
        let scan = self.source.scan(&ScanRequest { states }).unwrap();
        self.snapshot(Summary {
            sockets: scan.sockets,
            ..Summary::default()
        })
    }

    fn snapshot(&mut self, summary: Summary) -> HostSnapshot {
        let frame = ScanInfo {
            taken_at: jiff::Timestamp::now(),
            taken_ms: clock::monotonic_ns() / 1_000_000,
            took: Duration::ZERO,
            scan: "bpf",
        };
        build_snapshot(
            summary,
            &self.policy,
            &mut self.segments,
            Workload::Comm,
            frame,
        )
    }
}

/// Sockets of the role, by verdict.
fn counted(snapshot: &HostSnapshot) -> ByVerdict<u64> {
    counted_of(COMM, snapshot)
}

fn counted_of(comm: &str, snapshot: &HostSnapshot) -> ByVerdict<u64> {
    let of = snapshot.workloads.iter().find(|(name, _)| &**name == comm);
    of.map(|(_, counts)| *counts).unwrap_or_default()
}

fn verdicts(protected: u64, late: u64, unprotected: u64, exempt: u64) -> ByVerdict<u64> {
    let mut counts = ByVerdict::default();
    *counts.get_mut(Some(Verdict::Protected)) = protected;
    *counts.get_mut(Some(Verdict::Late)) = late;
    *counts.get_mut(Some(Verdict::Unprotected)) = unprotected;
    *counts.get_mut(Some(Verdict::Exempt)) = exempt;
    counts
}

fn keepalive(idle_s: Option<u32>) -> Options {
    Options {
        enabled: Some(true),
        idle_s,
        ..Options::default()
    }
}

/// The test of this name, in a process of its own.
#[test]
#[ignore = "a part of other tests"]
fn role() {
    let Some(role) = role::current() else {
        return;
    };
    role::set_name(COMM);
    rustix::thread::set_name(c"summarized").unwrap();
    match role[0].as_str() {
        "mixed" => mixed(),
        "forecasts" => forecasts(),
        other => panic!("no role {other}"),
    }
}

/// Of each verdict some, over IPv4 and IPv6, with descriptors and processes that share.
fn mixed() {
    let comm = std::ffi::CString::new(COMM).unwrap();
    // The harness runs tests on threads; the name of the process is its main thread's.
    std::fs::write(
        format!("/proc/{}/comm", std::process::id()),
        comm.as_bytes(),
    )
    .unwrap();
    let link = Link::new();
    let unprotected: Vec<Pair> = (0..3).map(|_| link.pair()).collect();
    let late = link.pair();
    keepalive(None).set(&late.client);
    keepalive(Some(350)).set(&late.server);
    let protected = link.pair();
    keepalive(Some(60)).set(&protected.client);
    keepalive(Some(349)).set(&protected.server);
    // The interval alone is too long, and just not.
    let interval = link.pair();
    for (end, interval_s) in [(&interval.client, 350), (&interval.server, 349)] {
        let interval_s = Some(interval_s);
        Options {
            interval_s,
            ..keepalive(Some(60))
        }
        .set(end);
    }
    let exempt = [Pair::new(), Pair::ipv6(), Pair::v4_mapped()];
    // The peer is another address of the client's own namespace.
    let local = link.server.enter(|| {
        let listener = std::net::TcpListener::bind((kit::dead_peer::SERVER, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0, listener)
    });
    let twice: Vec<TcpStream> = unprotected
        .iter()
        .map(|pair| pair.client.try_clone().unwrap())
        .collect();
    let child = Forked::start(COMM, || {
        role::wait_go();
    });
    let inherited = link.pair();
    role::say(&json!({"child": child.pid()}));
    role::wait_go();
    child.finish();
    drop((
        unprotected,
        late,
        protected,
        interval,
        exempt,
        local,
        twice,
        inherited,
    ));
}

#[test]
fn healthy_sockets_are_counted_once_and_by_verdict() {
    if !require([Need::Root, iterators()]) {
        return;
    }
    let mut role = Role::start("mixed");
    role.next();
    let expected = verdicts(3, 3, 8, 8);
    let mut sweeper = Sweeper::new(policy("350"));
    for round in 0..3 {
        let summarized = sweeper.summarize();
        assert_eq!(counted(&summarized), expected, "summary {round}");
        assert_eq!(counted(&sweeper.scan()), expected, "scan {round}");
        let of_role = |flagged: &&Flagged| &*flagged.workload == COMM;
        let flagged: Vec<_> = summarized.flagged.iter().filter(of_role).collect();
        assert!(flagged.is_empty(), "{flagged:?}");
    }
    // Other limits, by prefix.
    let rules = vec![observer::policy::path::Rule {
        remote: "10.77.0.2/32".parse().unwrap(),
        ports: Vec::new(),
        limit: "none".parse().unwrap(),
    }];
    sweeper.policy.path = PathPolicy::new("60".parse().unwrap(), rules);
    // The clients' peer is behind no middlebox; the servers have 60 s, 349 s and 350 s.
    let expected = verdicts(0, 3, 4, 15);
    assert_eq!(counted(&sweeper.scan()), expected, "by a scan");
    assert_eq!(counted(&sweeper.summarize()), expected, "by a summary");
    role.go();
    role.go();
    role.finish();
}

/// Connections whose settings alone tell nothing: a timer that was armed before the sysctl was lowered,
/// and two that are half-closed.
fn forecasts() {
    std::fs::write(format!("/proc/{}/comm", std::process::id()), FORECASTS).unwrap();
    let link = Link::new();
    let armed = link.pair();
    keepalive(None).set(&armed.client);
    link.client
        .enter(|| netns::set_sysctl("tcp_keepalive_time", 60));
    let half_closed: Vec<Pair> = [30, 100]
        .into_iter()
        .map(|idle_s| {
            let pair = link.pair();
            let interval_s = Some(30);
            Options {
                interval_s,
                ..keepalive(Some(idle_s))
            }
            .set(&pair.client);
            pair.client.shutdown(std::net::Shutdown::Write).unwrap();
            pair
        })
        .collect();
    role::say(&json!({}));
    role::wait_go();
    drop((armed, half_closed));
}

/// The kernel side forecasts as user space does.
#[test]
fn timers_states_and_what_a_path_counts_decide_in_the_kernel_too() {
    if !require([Need::Root, iterators()]) {
        return;
    }
    let mut role = Role::start("forecasts");
    role.next();
    let cases = [
        // The clients: late by its timer, and two that are protected.
        ("350", verdicts(2, 1, 3, 0)),
        // 7200 s are early enough there, and 100 s too late for a connection that is half-closed.
        ("linux-conntrack", verdicts(2, 1, 3, 0)),
        ("none", verdicts(0, 0, 0, 6)),
        ("envoy", verdicts(0, 0, 6, 0)),
    ];
    let mut sweeper = Sweeper::new(policy("350"));
    for (limit, expected) in cases {
        sweeper.policy = policy(limit);
        assert_eq!(
            counted_of(FORECASTS, &sweeper.scan()),
            expected,
            "by a scan, {limit}"
        );
        assert_eq!(
            counted_of(FORECASTS, &sweeper.summarize()),
            expected,
            "by a summary, {limit}"
        );
    }
    role.go();
    role.finish();
}

/// Sockets in danger are read one by one, with every owner, and those without any.
#[test]
fn sockets_in_danger_are_read() {
    if !require([Need::Root, iterators()]) {
        return;
    }
    let mut sweeper = Sweeper::new(policy("3"));
    // Loading the programs may take longer than silence may here.
    sweeper.summarize();
    let link = Link::new();
    let (silent, talking) = (link.pair(), link.pair());
    let dead = Link::new();
    let orphan = dead.pair();
    dead.silence_server();
    // Nobody acknowledges its end.
    drop(orphan.client);
    let client_netns = link.client.inode();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut seen = Vec::new();
    let (mut talking, mut orphan_seen) = (talking, false);
    while !orphan_seen || !seen.contains(&Health::Stale) {
        let sent = talking.send(b"alive");
        let snapshot = sweeper.summarize();
        let of = |local: std::net::SocketAddr| {
            let found = snapshot.flagged.iter().filter(|flagged| {
                flagged.judged.socket.netns == Some(client_netns)
                    && flagged.judged.socket.local == local
            });
            found.collect::<Vec<_>>()
        };
        if let [flagged] = of(silent.client.local_addr().unwrap())[..] {
            let owners = &flagged.judged.socket.owners;
            assert_eq!(owners.len(), 1, "{owners:?}");
            assert_eq!(owners[0].pid, std::process::id());
            if flagged.judged.judgement.health != seen.last().copied() {
                seen.extend(flagged.judged.judgement.health);
            }
        }
        let orphans = |flagged: &&Flagged| {
            let socket = &flagged.judged.socket;
            socket.netns == Some(dead.client.inode())
                && socket.owners.is_empty()
                && flagged.judged.judgement.health == Some(Health::Retransmitting)
        };
        orphan_seen |= snapshot.flagged.iter().filter(orphans).count() == 1;
        // Within a quarter of the limit, unless the machine is slow.
        if sent.elapsed() < Duration::from_millis(700) {
            assert!(of(talking.client.local_addr().unwrap()).is_empty());
        }
        assert!(Instant::now() < deadline, "{seen:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(
        seen == [Health::Ok, Health::AtRisk, Health::Stale]
            || seen == [Health::AtRisk, Health::Stale],
        "{seen:?}"
    );
}

/// Namespaces come and go, and with them addresses that the kernel side knows.
#[test]
fn addresses_of_namespaces_are_kept_up_to_date() {
    if !require([Need::Root, iterators()]) {
        return;
    }
    let mut sweeper = Sweeper::new(policy("3"));
    sweeper.summarize();
    let link = Link::new();
    let pair = link.pair();
    std::thread::sleep(Duration::from_millis(1700));
    let in_danger = |snapshot: &HostSnapshot| {
        let of = |flagged: &&Flagged| {
            flagged.judged.socket.netns == Some(link.client.inode())
                && matches!(
                    flagged.judged.judgement.health,
                    Some(Health::AtRisk | Health::Stale)
                )
        };
        snapshot.flagged.iter().filter(of).count()
    };
    assert_eq!(in_danger(&sweeper.summarize()), 1);
    // The peer's address becomes one of the client's own.
    link.client
        .enter(|| kit::dead_peer::ip("address add 10.77.0.2/32 dev lo"));
    assert_eq!(in_danger(&sweeper.summarize()), 0);
    link.client
        .enter(|| kit::dead_peer::ip("address del 10.77.0.2/32 dev lo"));
    assert_eq!(in_danger(&sweeper.summarize()), 1);
    drop(pair);
    drop(netns::TestNetns::new());
    sweeper.summarize();
}

/// Cost of summaries beside scans, on whatever sockets there are:
/// `cargo test --release --test summary -- --ignored --nocapture cost`.
#[test]
#[ignore = "prints a measurement"]
fn cost() {
    let mut sweeper = Sweeper::new(policy("350"));
    sweeper.summarize();
    let mut measure = |name: &str, sweep: &mut dyn FnMut(&mut Sweeper) -> HostSnapshot| {
        let (began, cpu) = (Instant::now(), clock::process_cpu());
        const ROUNDS: u32 = 10;
        let mut total = 0;
        for _ in 0..ROUNDS {
            total = sweep(&mut sweeper).counts.total();
        }
        let cpu = clock::process_cpu().saturating_sub(cpu) / ROUNDS;
        println!(
            "{name}: {:?}, {cpu:?} of CPU, {total} sockets",
            began.elapsed() / ROUNDS
        );
    };
    measure("summary", &mut Sweeper::summarize);
    measure("scan", &mut Sweeper::scan);
}
