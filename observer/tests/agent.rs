//! `observer agent` on real sockets: what it serves, when it tells, how it starts and ends, and
//! what it survives.

mod kit;

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kit::agent::{Agent, Sink, Told, until};
use kit::bpftool::Held;
use kit::dead_peer::{Link, reset_on_close};
use kit::netns::TestNetns;
use kit::sockets::Pair;
use kit::trace::Turn;
use kit::{Need, has_iterators, require, tolerance};

const INTERVAL: Duration = Duration::from_secs(1);
/// Silence is a risk from half of it on.
const LIMIT: Duration = Duration::from_secs(6);

/// Looks each second; the path forgets within seconds; nobody is told.
const CONFIG: &str = "\
[path]
default = \"6s\"
[scan]
interval = \"1s\"
[agent]
workload = \"comm\"
[alert]
resolve = \"1s\"
";

/// The same, and one is told.
fn config(sink: &Sink) -> String {
    format!("{CONFIG}{}", sink.config())
}

/// Told within an interval and a second of the crossing, once for a group, and told when it is
/// over.
#[test]
fn danger_is_told_in_time_and_so_is_its_end() {
    if !require([Need::Root]) {
        return;
    }
    let sink = Sink::start();
    let agent = Agent::start(&config(&sink), &[]);
    let link = Link::new();
    // As services have it: a port that no kernel picks for a client.
    let listener = link
        .server
        .enter(|| TcpListener::bind((kit::dead_peer::SERVER, 8443)).unwrap());
    let address = listener.local_addr().unwrap();
    let server = address.to_string();
    let connect = || {
        let client = link.client.enter(|| TcpStream::connect(address).unwrap());
        (client, listener.accept().unwrap().0)
    };
    // In the same group: one peer, one program.
    let mut pairs = [connect(), connect(), connect()];
    let crossing = Instant::now() + LIMIT / 2;
    let Told {
        at: told, alert, ..
    } = sink.wait_firing("KeepaliveAtRisk", &server);
    let late = told.saturating_duration_since(crossing);
    let most = INTERVAL + Duration::from_secs(1) + tolerance();
    assert!(late <= most, "{late:?} after the crossing");
    assert!(told + tolerance() * 3 >= crossing, "before the crossing");
    assert_eq!(alert["annotations"]["sockets"], "3", "{alert}");
    assert_eq!(alert["labels"]["verdict"], "unprotected");
    assert_eq!(alert["labels"]["severity"], "warning");
    let limit = alert["annotations"]["path_limit_s"].as_str().unwrap();
    assert!(limit.starts_with('6'), "{limit}");
    // The other end is a group of its own, without the ports that the clients' kernel picked.
    let fired = || agent.metric("observer_alerts_total{state=\"firing\"}");
    // Those of other tests are in danger too.
    until("both are counted", || (fired() >= 2.0).then_some(()));
    let from_clients = sink.alerts("KeepaliveAtRisk", &format!("{}:*", kit::dead_peer::CLIENT));
    assert_eq!(
        from_clients[0].alert["annotations"]["sockets"], "3",
        "{from_clients:?}"
    );
    let stale = sink.wait_firing("KeepaliveStale", &server);
    assert_eq!(stale.alert["labels"]["severity"], "critical");
    sink.wait_resolved("KeepaliveAtRisk", &server);
    for (client, accepted) in &mut pairs {
        use std::io::{Read as _, Write as _};
        client.write_all(b"alive").unwrap();
        accepted.read_exact(&mut [0; 5]).unwrap();
    }
    sink.wait_resolved("KeepaliveStale", &server);
    // A group is told once, not at each sweep.
    assert_eq!(sink.alerts("KeepaliveStale", &server).len(), 2);
    let delivered = "observer_alert_deliveries_total{sink=\"webhook\",outcome=\"ok\"}";
    until("deliveries are counted", || {
        (agent.metric(delivered) >= 6.0).then_some(())
    });
}

/// The same where eBPF is refused: by sock_diag, without hooks.
#[test]
fn without_ebpf_it_works_all_the_same() {
    if !require([Need::Root, Need::Native]) {
        return;
    }
    let sink = Sink::start();
    let agent = Agent::start(&config(&sink), &["--scan", "diag", "--no-hooks"]);
    let (_, metrics) = agent.get("/metrics");
    let info = metrics
        .lines()
        .find(|line| line.starts_with("observer_host_info{"));
    let info = info.unwrap();
    assert!(
        info.contains("scan=\"diag\"") && info.contains("hooks=\"none\""),
        "{info}"
    );
    let link = Link::new();
    let pair = link.pair();
    let server = pair.client.peer_addr().unwrap().to_string();
    sink.wait_firing("KeepaliveAtRisk", &server);
    assert_eq!(
        agent.metric("observer_hook_attached{hook=\"setsockopt\"}"),
        0.0
    );
}

#[test]
fn everything_is_served() {
    if !require([Need::Root, Need::Native]) {
        return;
    }
    let agent = Agent::start(CONFIG, &[]);
    let pair = Pair::new();
    let local = pair.client.local_addr().unwrap();
    let (code, page) = agent.get("/");
    assert_eq!(code, 200);
    assert!(
        page.contains("No connection") || page.contains("connection"),
        "{page}"
    );
    let (code, sockets) = agent.get(&format!("/api/v1/sockets?port={}", local.port()));
    assert_eq!(code, 200, "{sockets}");
    let document: serde_json::Value = serde_json::from_str(&sockets).unwrap();
    let found = document["sockets"].as_array().unwrap();
    // By its cookie: a port may be in use in many namespaces.
    let cookie = rustix::net::sockopt::socket_cookie(&pair.client).unwrap();
    let of_client = found
        .iter()
        .find(|socket| socket["cookie"].as_u64() == Some(cookie));
    let pid = &of_client.unwrap()["owners"][0]["pid"];
    assert_eq!(pid.as_u64(), Some(std::process::id().into()));
    // Its own hooks were there when the connection began.
    if has_iterators() {
        assert!(of_client.unwrap()["age_ms"].as_u64().is_some(), "{sockets}");
    }
    assert_eq!(agent.get("/-/healthy").0, 200);
    assert_eq!(agent.get("/nothing").0, 404);
    let before = agent.metric("observer_scan_timestamp_seconds");
    until("another sweep", || {
        (agent.metric("observer_scan_timestamp_seconds") > before).then_some(())
    });
    assert!(agent.metric("observer_scan_sockets") >= 2.0);
    assert_eq!(agent.metric("observer_scan_failures_total"), 0.0);
}

/// However many ask for every socket, sweeps come when they are due.
#[test]
fn requests_hold_up_no_sweep() {
    if !require([Need::Root, Need::Native]) {
        return;
    }
    let agent = Agent::start(CONFIG, &[]);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let (code, answer) = agent.get("/api/v1/sockets?port=1");
                    assert_eq!(code, 200, "{answer}");
                }
            });
        }
        let mut sweeps = Vec::new();
        while sweeps.len() < 5 {
            let sweep = until("the next sweep", || {
                let at = agent.metric("observer_scan_timestamp_seconds");
                (Some(&at) != sweeps.last()).then_some(at)
            });
            sweeps.push(sweep);
        }
        over.store(true, Ordering::Relaxed);
        for pair in sweeps.windows(2) {
            assert!(pair[1] - pair[0] < 2.5, "{sweeps:?}");
        }
    });
}

/// However late sweeps are, who asks is answered, and a new configuration takes effect.
#[test]
fn sweeps_that_are_late_hold_up_no_request() {
    if !require([Need::Root, Need::Native]) {
        return;
    }
    let link = Link::new();
    let _pair = link.pair();
    // No sweep begins before the next one is due.
    let late = CONFIG.replace("interval = \"1s\"", "interval = \"1ms\"");
    let agent = Agent::start(&late, &[]);
    // From then on none is spared.
    let at_risk = "observer_sockets{verdict=\"unprotected\",health=\"at-risk\"}";
    until("danger", || (agent.metric(at_risk) > 0.0).then_some(()));
    for _ in 0..3 {
        let began = Instant::now();
        let (code, answer) = agent.get("/api/v1/sockets?port=1");
        assert_eq!(code, 200, "{answer}");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5) + tolerance(), "{took:?}");
    }
    agent.reload(&late.replace("default = \"6s\"", "default = \"none\""));
    until("no danger", || (agent.metric(at_risk) == 0.0).then_some(()));
}

/// Counts of the hooks reach the metrics.
#[test]
fn options_probes_and_losses_are_counted() {
    if !require([Need::Root]) {
        return;
    }
    let agent = Agent::start(CONFIG, &[]);
    let link = Link::new();
    let pair = link.pair();
    let count = |name: &str| agent.metric(name);
    let ok = "observer_keepalive_set_total{option=\"TCP_KEEPIDLE\",outcome=\"ok\"}";
    let failed = "observer_keepalive_set_total{option=\"TCP_KEEPIDLE\",outcome=\"error\"}";
    let reset = "observer_connections_lost_total{cause=\"reset\"}";
    let probes = "observer_keepalive_probes_total";
    let before = [ok, failed, reset, probes].map(count);
    kit::options::Options {
        enabled: Some(true),
        idle_s: Some(1),
        interval_s: Some(1),
        ..Default::default()
    }
    .set(&pair.client);
    let _refused =
        rustix::net::sockopt::set_tcp_keepidle(&pair.client, Duration::from_secs(40_000));
    until("a probe", || (count(probes) > before[3]).then_some(()));
    reset_on_close(&pair.server);
    drop(pair.server);
    until("a reset", || (count(reset) > before[2]).then_some(()));
    // A trampoline of 5.10 cannot take what setsockopt is given; a tracepoint can.
    assert!(count(ok) > before[0]);
    assert!(count(failed) > before[1]);
    assert!(count("observer_notes") >= 1.0);
    assert!(count("observer_notes_capacity") >= 16_384.0);
    assert_eq!(count("observer_hook_attached{hook=\"life\"}"), 1.0);
}

#[test]
fn it_reads_its_configuration_again_and_keeps_the_old_one_on_errors() {
    if !require([Need::Root, Need::Native]) {
        return;
    }
    let sink = Sink::start();
    let agent = Agent::start(CONFIG, &[]);
    let link = Link::new();
    let pair = link.pair();
    let server = pair.client.peer_addr().unwrap().to_string();
    let successful = "observer_config_last_reload_successful";
    assert_eq!(agent.metric(successful), 1.0);
    for rubbish in ["[path]\ndefault = \"soon\"\n", "\0\u{1}{{{{", "[alerts]\n"] {
        agent.reload(rubbish);
        until("refused", || {
            (agent.metric(successful) == 0.0).then_some(())
        });
        let line = agent.wait_for_log("the old configuration stays in force");
        assert!(line.contains("config.toml:"), "{line}");
        agent.reload(CONFIG);
        until("taken", || (agent.metric(successful) == 1.0).then_some(()));
    }
    assert!(sink.alerts("KeepaliveAtRisk", &server).is_empty());
    // A sink that was not there before is told of what goes on.
    agent.reload(&config(&sink));
    sink.wait_firing("KeepaliveStale", &server);
}

#[test]
fn it_ends_within_a_second() {
    if !require([Need::Root, Need::Native]) {
        return;
    }
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut agent = Agent::start(CONFIG, &[]);
        // Somebody who is connected and says nothing holds nothing up.
        let _silent = TcpStream::connect(agent.address).unwrap();
        agent.signal(signal);
        let (status, took) = agent.wait();
        assert_eq!(status.code(), Some(0));
        assert!(took <= Duration::from_secs(1) + tolerance() * 3, "{took:?}");
    }
}

/// Killed, it leaves nothing attached; the next one finds again what is in danger.
#[test]
fn killed_it_leaves_nothing_and_alerts_are_found_again() {
    if !require([Need::Root]) {
        return;
    }
    let turn = Turn::alone();
    let sink = Sink::start();
    let mut agent = Agent::start_in_turn(&config(&sink), &[]);
    let link = Link::new();
    let pair = link.pair();
    let server = pair.client.peer_addr().unwrap().to_string();
    sink.wait_firing("KeepaliveStale", &server);
    let held = Held::by(agent.pid());
    assert!(
        !held.programs.is_empty() && !held.maps.is_empty(),
        "{held:?}"
    );
    agent.signal(libc::SIGKILL);
    agent.wait();
    until("nothing is left", || held.left().is_empty().then_some(()));
    assert_eq!(kit::bpftool::pinned(), Vec::<std::path::PathBuf>::new());
    let began = Instant::now();
    let _again = Agent::start_in_turn(&config(&sink), &[]);
    until("found again", || {
        let alerts = sink.alerts("KeepaliveStale", &server);
        alerts.iter().any(|told| told.at > began).then_some(())
    });
    drop(turn);
}

#[test]
fn threads_keep_only_what_they_need() {
    if !require([Need::Root]) {
        return;
    }
    const SYS_PTRACE: u64 = 1 << 19;
    const SYS_ADMIN: u64 = 1 << 21;
    const BPF: u64 = 1 << 39;
    const DAC_READ_SEARCH: u64 = 1 << 2;
    let agent = Agent::start(CONFIG, &[]);
    let threads = agent.capabilities();
    let collector = if has_iterators() {
        SYS_ADMIN | SYS_PTRACE
    } else {
        SYS_ADMIN | SYS_PTRACE | DAC_READ_SEARCH
    };
    for (name, held) in &threads {
        let expected = match name.as_str() {
            "collector" | "walk" => collector,
            "hooks" => BPF,
            // Threads that enter namespaces belong to the collector, and come and go.
            _ if *held == collector => collector,
            _ => 0,
        };
        assert_eq!(*held, expected, "{name} of {threads:?}");
    }
    let names: Vec<_> = threads.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["observer", "collector", "hooks", "network"] {
        assert!(names.contains(&name), "{names:?}");
    }
    // With that it still sees what appears in new namespaces, and their addresses.
    let link = Link::new();
    let pair = link.pair();
    let local = link.server.enter(|| {
        let listener = TcpListener::bind((kit::dead_peer::SERVER, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    });
    let of = |stream: &TcpStream| {
        let port = stream.local_addr().unwrap().port();
        let netns = link.server.inode();
        let (_, body) = agent.get(&format!("/api/v1/sockets?port={port}&netns={netns}"));
        let document: serde_json::Value = serde_json::from_str(&body).unwrap();
        document["sockets"][0]["verdict"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(of(&local.0).as_deref(), Some("exempt"));
    assert_eq!(of(&pair.server).as_deref(), Some("unprotected"));
    assert_eq!(agent.metric("observer_scan_failures_total"), 0.0);
}

/// Processes and namespaces come and go while it sweeps.
#[test]
fn churn_of_namespaces_and_processes_is_survived() {
    if !require([Need::Root, Need::Native]) {
        return;
    }
    let agent = Agent::start(&CONFIG.replace("\"1s\"", "\"100ms\""), &[]);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let netns = TestNetns::new();
                    netns.enter(|| drop(Pair::new()));
                }
            });
        }
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let _status = std::process::Command::new("true").status().unwrap();
            }
        });
        std::thread::sleep(Duration::from_secs(5));
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(agent.metric("observer_scan_failures_total"), 0.0);
    let before = agent.metric("observer_scan_timestamp_seconds");
    until("it goes on", || {
        (agent.metric("observer_scan_timestamp_seconds") > before).then_some(())
    });
    assert_eq!(agent.get("/-/ready").0, 200);
}

/// The log's disk is full: lines are lost and counted, nothing else.
#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    if !require([Need::Root, Need::Native]) {
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let agent = Agent::start_with_stderr(CONFIG, port, Stdio::from(full));
    until("lost lines are counted", || {
        (agent.metric("observer_log_lines_lost_total") >= 1.0).then_some(())
    });
    agent.reload("[path\n");
    until("it goes on", || {
        (agent.metric("observer_log_lines_lost_total") >= 2.0).then_some(())
    });
    assert_eq!(agent.get("/-/healthy").0, 200);
}

/// Nobody reads the ring buffer for a while: what does not fit is counted.
#[test]
fn events_that_do_not_fit_are_counted() {
    if !require([Need::Root]) {
        return;
    }
    let turn = Turn::alone();
    let agent = Agent::start_in_turn(CONFIG, &[]);
    let lost = |agent: &Agent| agent.metric("observer_events_lost_total");
    let reset = "observer_connections_lost_total{cause=\"reset\"}";
    assert_eq!(lost(&agent), 0.0);
    agent.signal(libc::SIGSTOP);
    // More than the 7,000 that fit; each end of a connection that is reset counts for one.
    const CONNECTIONS: u32 = 9000;
    let listener = TcpListener::bind("127.0.9.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for _ in 0..CONNECTIONS {
        let client = TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().unwrap();
        reset_on_close(&client);
        drop(client);
        drop(server);
    }
    agent.signal(libc::SIGCONT);
    until("loss is counted", || (lost(&agent) > 0.0).then_some(()));
    until("all are told or counted", || {
        let told = agent.metric(reset);
        (told + lost(&agent) >= f64::from(CONNECTIONS)).then_some(())
    });
    drop(turn);
}

/// Somebody sets the clock: nothing fires, nothing is resolved, sweeps go on.
#[test]
fn a_clock_that_steps_changes_nothing() {
    // Only a guest's clock is the test's to set.
    if !require([Need::Guest]) {
        return;
    }
    let sink = Sink::start();
    // The others go by the same clock.
    let turn = Turn::alone();
    let agent = Agent::start_in_turn(
        &config(&sink).replace("resolve = \"1s\"", "resolve = \"30s\""),
        &[],
    );
    let link = Link::new();
    let pair = link.pair();
    let server = pair.client.peer_addr().unwrap().to_string();
    sink.wait_firing("KeepaliveStale", &server);
    for step_s in [3600, -7200, 3600] {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let to = rustix::time::Timespec {
            tv_sec: now.tv_sec + step_s,
            ..now
        };
        rustix::time::clock_settime(rustix::time::ClockId::Realtime, to).unwrap();
        let before = agent.metric("observer_scan_timestamp_seconds");
        until("another sweep", || {
            let now = agent.metric("observer_scan_timestamp_seconds");
            ((now - before).abs() > 0.5).then_some(())
        });
    }
    assert_eq!(
        agent.metric("observer_alerts_total{state=\"resolved\"}"),
        0.0
    );
    // It was told once; repeating is for minutes later.
    assert_eq!(sink.alerts("KeepaliveStale", &server).len(), 1);
    drop(turn);
}

/// As systemd would hear it.
#[test]
fn the_service_manager_is_told() {
    if !require([Need::Root, Need::Native]) {
        return;
    }
    let folder = std::env::temp_dir().join(format!("observer-notify-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(kit::agent::SOON)).unwrap();
    let heard = |state: &str| {
        let mut message = [0; 4096];
        loop {
            let len = manager.recv(&mut message).unwrap();
            let text = String::from_utf8_lossy(&message[..len]).into_owned();
            if text.lines().any(|line| line == state) {
                return text;
            }
        }
    };
    let env = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "1000000"),
    ];
    let mut agent = Agent::start_with_env(CONFIG, &[], &env);
    let ready = heard("READY=1");
    assert!(ready.contains("STATUS=sweeps every "), "{ready}");
    heard("WATCHDOG=1");
    agent.reload(CONFIG);
    assert!(heard("RELOADING=1").contains("MONOTONIC_USEC="));
    heard("READY=1");
    agent.signal(libc::SIGTERM);
    heard("STOPPING=1");
    assert_eq!(agent.wait().0.code(), Some(0));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_log_may_be_json() {
    if !require([Need::Root, Need::Native]) {
        return;
    }
    let agent = Agent::start(CONFIG, &["--log", "json"]);
    let line: serde_json::Value = serde_json::from_str(&agent.wait_for_log("ready: ")).unwrap();
    assert_eq!(line["level"], "INFO");
    let message = line["message"].as_str().unwrap();
    assert!(message.contains("sweeps every 1s"), "{message}");
}
