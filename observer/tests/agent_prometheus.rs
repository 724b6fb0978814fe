//! The real agent, with what a fleet runs beside it: a Prometheus that scrapes it as `dist/` says,
//! and an Alertmanager that it tells of connections in danger.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test program"
)]

mod kit;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kit::agent::Agent;
use kit::dead_peer::{Link, SERVER};
use kit::monitoring::alertmanager::{Alertmanager, state};
use kit::monitoring::dist::{panel_queries, rule_queries, selectors};
use kit::monitoring::prometheus::Prometheus;
use kit::monitoring::wait_until;
use kit::sockets::Pair;
use kit::{Need, require};
use serde_json::Value;

/// Several sockets of one process to one peer are one group.
const SOCKETS: usize = 3;

/// Where the kernel does not measure how long programs run, which is so by default, there is none.
const MAY_BE_EMPTY: &str = "Time in hooks";

#[test]
fn what_is_in_danger_reaches_prometheus_and_alertmanager() {
    let monitoring = ["prometheus", "promtool"].map(Need::Program);
    if !require(
        [Need::Root, Alertmanager::need()]
            .into_iter()
            .chain(monitoring),
    ) {
        return;
    }
    let alertmanager = Alertmanager::start();
    let link = Link::new();
    let listener = link.listen();
    let remote = listener.local_addr().unwrap();
    // No other connection of this host is the test's matter, nor the other ends of its own.
    let config = format!(
        r#"
            [path]
            default = "none"
            rule = [{{ remote = "{SERVER}/32", ports = [{}], limit = "3s" }}]
            [scan]
            interval = "1s"
            [agent]
            workload = "comm"
            [alert]
            repeat = "1s"
            resolve = "1s"
            [[alert.sink]]
            kind = "alertmanager"
            url = "http://{}"
            "#,
        remote.port(),
        alertmanager.address
    );
    let mut agent = Agent::start(&config, &[]);
    let prometheus = Prometheus::start(agent.address);
    let mut pairs: Vec<_> = (0..SOCKETS).map(|_| link.pair_with(&listener)).collect();
    let began = Instant::now();

    let of_remote = || -> Vec<Value> {
        let alerts = alertmanager.alerts().into_iter();
        let named = remote.to_string();
        alerts
            .filter(|alert| alert["labels"]["remote"] == *named)
            .collect()
    };
    let states = || -> Vec<String> { of_remote().iter().map(state).collect() };
    wait_until("at risk", || !states().is_empty());
    assert_eq!(states(), ["KeepaliveAtRisk active"], "not stale before");
    wait_until("stale", || {
        states().contains(&"KeepaliveStale active".to_owned())
    });
    let after = began.elapsed();
    assert!(
        after > Duration::from_millis(2900) && after < Duration::from_secs(20),
        "{after:?}"
    );
    let stale = || {
        let mut alerts = of_remote().into_iter();
        alerts.find(|alert| alert["labels"]["alertname"] == "KeepaliveStale")
    };
    let all = SOCKETS.to_string();
    // One alert of all, however many cross the limit between two looks.
    wait_until("all are counted", || {
        stale().is_some_and(|alert| alert["annotations"]["sockets"] == *all)
    });
    wait_until("those at risk are resolved", || {
        states() == ["KeepaliveStale active"]
    });
    let stale = stale().unwrap();
    assert_eq!(stale["labels"]["verdict"], "unprotected");
    assert_eq!(stale["labels"]["severity"], "critical");
    let pid = format!("pid {} ", std::process::id());
    let example = stale["annotations"]["example"].as_str().unwrap();
    assert!(example.starts_with(&pid), "{example}");

    it_serves_what_the_golden_file_has(&agent);
    promtool_takes(&agent);
    prometheus_has_it_all(&prometheus);

    // Bytes flow again, and go on to, until everybody knows.
    let calm = "sum(observer_sockets{health=\"stale\"}) == 0";
    wait_until("resolved", || {
        pairs.iter_mut().for_each(exchange);
        states().is_empty()
            && agent.metric("observer_alert_groups_active") == 0.0
            && prometheus.query(calm) == Ok(1)
    });
    for (series, least) in [
        ("observer_alerts_total{state=\"firing\"}", 2.0),
        ("observer_alerts_total{state=\"resolved\"}", 2.0),
    ] {
        assert!(agent.metric(series) >= least, "{series}");
    }
    for outcome in ["error", "dropped"] {
        let sink = format!("{{sink=\"alertmanager\",outcome=\"{outcome}\"}}");
        let series = format!("observer_alert_deliveries_total{sink}");
        assert_eq!(agent.metric(&series), 0.0, "{series}");
    }
    agent.signal(libc::SIGTERM);
    assert!(agent.wait().0.success());
}

fn exchange(pair: &mut Pair) {
    let mut byte = [7];
    pair.client.write_all(&byte).unwrap();
    pair.server.read_exact(&mut byte).unwrap();
}

/// By which dashboard, rules and the count of series in docs/fleet.md are tested.
fn it_serves_what_the_golden_file_has(agent: &Agent) {
    const OF_THE_HOST: [&str; 5] = [
        "observer_workload_sockets",
        "observer_alert_deliveries",
        "observer_hook_run",
        "observer_build_info",
        "observer_host_info",
    ];
    let fixed = |text: &str| -> BTreeSet<String> {
        let series = text.lines().filter_map(|line| line.rsplit_once(' '));
        let series = series.map(|(series, _)| series);
        let is_fixed = |series: &&str| {
            !series.starts_with('#') && !OF_THE_HOST.iter().any(|name| series.starts_with(name))
        };
        series.filter(is_fixed).map(str::to_owned).collect()
    };
    let (_, served) = agent.get("/metrics");
    assert_eq!(
        fixed(&served),
        fixed(include_str!("golden/metrics.txt")),
        "served, and expected"
    );
}

fn promtool_takes(agent: &Agent) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (_, text) = agent.get("/metrics");
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}\n{text}");
}

fn prometheus_has_it_all(prometheus: &Prometheus) {
    prometheus.wait("count_over_time(up[10s]) >= 3");
    prometheus.wait("sum(observer_sockets{health=\"stale\"}) >= 3");
    prometheus.wait("ALERTS{alertname=\"ObserverSocketsStale\", alertstate=\"pending\"}");
    let targets = prometheus.ask("/api/v1/targets?state=active").unwrap();
    let targets = targets["activeTargets"].as_array().unwrap();
    assert_eq!(targets.len(), 1);
    assert_eq!(targets[0]["health"], "up", "{targets:?}");
    assert_eq!(targets[0]["lastError"], "", "{targets:?}");
    // In OpenMetrics a counter's family is named without _total, and units are told.
    let metadata = prometheus.ask("/api/v1/targets/metadata").unwrap();
    let metadata = metadata.as_array().unwrap();
    let of = |name: &str| metadata.iter().find(|one| one["metric"] == name);
    assert!(of("observer_events_lost").is_some(), "{metadata:?}");
    assert_eq!(
        of("observer_scan_duration_seconds").unwrap()["unit"],
        "seconds"
    );

    let mut missing = Vec::new();
    let panels = panel_queries();
    for (title, query) in &panels {
        let series = prometheus.query(query);
        let series = series.unwrap_or_else(|error| panic!("{title}: {error}"));
        if series == 0 && title != MAY_BE_EMPTY {
            missing.push(format!("{title}: {query}"));
        }
    }
    for (name, query) in rule_queries() {
        let series = prometheus.query(&query);
        let series = series.unwrap_or_else(|error| panic!("{name}: {error}"));
        // An alert that does not fire has no data; what it looks at must have.
        let records = name.contains(':');
        if records && series == 0 {
            missing.push(format!("{name}: {query}"));
        }
        for selector in selectors(&query) {
            // What an agent without hooks says.
            let elsewhere = "observer_host_info{hooks=\"none\"}";
            if selector != elsewhere && prometheus.query(&selector) == Ok(0) {
                missing.push(format!("{name}: {selector}"));
            }
        }
    }
    assert!(missing.is_empty(), "no data: {missing:#?}");
    let groups = prometheus.ask("/api/v1/rules").unwrap();
    for group in groups["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            assert_eq!(rule["health"], "ok", "{rule}");
        }
    }
}

#[test]
fn the_agent_tells_its_host_by_the_name_it_was_given() {
    if !require([Need::Root]) {
        return;
    }
    let agent = Agent::start_with_env("", &[], &[("OBSERVER_HOST", "node-7")]);
    let (_, page) = agent.get("/");
    assert!(page.contains("observer</b> on <b>node-7</b>"), "{page}");
    let (_, sockets) = agent.get("/api/v1/sockets");
    let sockets: Value = serde_json::from_str(&sockets).unwrap();
    assert_eq!(sockets["host"], "node-7");
}
