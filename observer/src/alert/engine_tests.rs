use proptest::prelude::*;

use super::super::kind::{self, AlertKind};
use super::*;
use crate::config::{AlertSection, ScanSection};
use crate::model::testing::socket;
use crate::model::{Comm, Socket};
use crate::policy::counts::SocketCounts;
use crate::policy::snapshot::Flagged;
use crate::policy::{Health, Judged, Policy, Verdict};

fn flagged(health: Health, socket: Socket) -> Flagged {
    let mut judged = Judged::by(&Policy::default(), socket);
    judged.judgement.health = Some(health);
    Flagged {
        judged,
        workload: "etl.service".into(),
    }
}

fn quiet(health: Health, quiet_s: u64) -> Flagged {
    let mut socket = socket();
    let quiet_ms = Some(quiet_s * 1000);
    socket.idle.sent_ms = quiet_ms;
    socket.idle.received_ms = quiet_ms;
    socket.idle.ack_ms = quiet_ms;
    flagged(health, socket)
}

fn to_port(health: Health, port: u16) -> Flagged {
    let mut flagged = quiet(health, 200);
    flagged.judged.socket.remote.set_port(port);
    flagged
}

fn probing(unanswered: u32) -> Flagged {
    let mut socket = socket();
    socket.keepalive.enabled = Some(true);
    socket.keepalive.idle.value = Some(60);
    socket.keepalive.unanswered = Some(unanswered);
    flagged(Health::Probing, socket)
}

fn snapshot(flagged: Vec<Flagged>) -> HostSnapshot {
    HostSnapshot {
        taken_at: Timestamp::UNIX_EPOCH,
        took: Duration::ZERO,
        scan: "bpf",
        counts: SocketCounts::default(),
        workloads: Vec::new(),
        flagged,
        unknown: Vec::new(),
    }
}

fn settings(hold_s: u64) -> AlertSettings {
    let section = AlertSection::default();
    AlertSettings {
        hold: Duration::from_secs(hold_s),
        ..AlertSettings::new(&section, &ScanSection::default(), "web-1")
    }
}

/// The wall clock and the one that is never set, which agree unless a test sets the former.
fn at(elapsed_s: u64) -> Now {
    let elapsed = Duration::from_secs(elapsed_s);
    Now {
        at: Timestamp::from_second(1_800_000_000).unwrap() + elapsed,
        elapsed,
    }
}

fn look(
    engine: &mut Engine,
    elapsed_s: u64,
    flagged: Vec<Flagged>,
) -> Vec<(&'static AlertKind, AlertState)> {
    let alerts = engine.update(&snapshot(flagged), at(elapsed_s));
    let alerts = alerts.iter();
    alerts
        .map(|alert| (alert.group.kind, alert.state))
        .collect()
}

const FIRING: (&AlertKind, AlertState) = (&kind::AT_RISK, AlertState::Firing);
const RESOLVED: (&AlertKind, AlertState) = (&kind::AT_RISK, AlertState::Resolved);

#[test]
fn without_hold_it_fires_at_once_and_again_after_repeat() {
    let mut engine = Engine::new(settings(0));
    let mut risk = |s| look(&mut engine, s, vec![quiet(Health::AtRisk, 200)]);
    assert_eq!(risk(0), [FIRING]);
    for s in (10..240).step_by(10) {
        assert_eq!(risk(s), [], "{s}");
    }
    assert_eq!(risk(240), [FIRING]);
    assert_eq!(risk(479), []);
    assert_eq!(risk(480), [FIRING]);
    let tallies = engine.tallies(Vec::new());
    assert_eq!(
        (tallies.firing, tallies.active, tallies.resolved),
        (1, 1, 0)
    );
}

#[test]
fn what_does_not_last_for_hold_never_fires() {
    let mut engine = Engine::new(settings(60));
    let risk = || vec![quiet(Health::AtRisk, 200)];
    assert_eq!(look(&mut engine, 0, risk()), []);
    assert_eq!(look(&mut engine, 50, risk()), []);
    assert_eq!(look(&mut engine, 55, vec![]), []);
    assert_eq!(look(&mut engine, 60, risk()), []);
    assert_eq!(look(&mut engine, 119, risk()), []);
    let alerts = engine.update(&snapshot(risk()), at(120));
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].starts_at, at(60).at);
    assert_eq!(alerts[0].ends_at, at(120 + 4 * 240).at);
}

#[test]
fn it_resolves_once_after_resolve_without_any_socket() {
    let mut engine = Engine::new(settings(0));
    let risk = || vec![quiet(Health::AtRisk, 200)];
    assert_eq!(look(&mut engine, 0, risk()), [FIRING]);
    // The long time between these looks says nothing: absence counts from the second.
    assert_eq!(look(&mut engine, 100, vec![]), []);
    assert_eq!(look(&mut engine, 159, vec![]), []);
    assert_eq!(look(&mut engine, 160, risk()), []);
    assert_eq!(look(&mut engine, 170, vec![]), []);
    let alerts = engine.update(&snapshot(vec![]), at(230));
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].state, AlertState::Resolved);
    assert_eq!(alerts[0].starts_at, at(0).at);
    assert_eq!(alerts[0].ends_at, at(230).at);
    assert!(alerts[0].annotations.iter().any(|(name, _)| *name == "fix"));
    assert_eq!(look(&mut engine, 240, vec![]), []);
    assert_eq!(engine.tallies(Vec::new()).resolved, 1);
    assert_eq!(engine.tallies(Vec::new()).active, 0);
}

#[test]
fn it_is_repeated_while_it_waits_to_be_resolved() {
    let mut long = settings(0);
    long.resolve = Duration::from_secs(600);
    let mut engine = Engine::new(long);
    assert_eq!(
        look(&mut engine, 0, vec![quiet(Health::AtRisk, 200)]),
        [FIRING]
    );
    assert_eq!(look(&mut engine, 10, vec![]), []);
    assert_eq!(look(&mut engine, 240, vec![]), [FIRING]);
    assert_eq!(look(&mut engine, 610, vec![]), [RESOLVED]);
}

#[test]
fn one_alert_for_each_workload_peer_and_verdict() {
    let mut mapped = quiet(Health::AtRisk, 300);
    mapped.judged.socket.remote = "[::ffff:203.0.113.9]:443".parse().unwrap();
    let mut other = quiet(Health::AtRisk, 200);
    other.workload = "cron.service".into();
    let mut late = quiet(Health::AtRisk, 200);
    late.judged.judgement.verdict = Some(Verdict::Late);
    let v6 = {
        let mut v6 = quiet(Health::AtRisk, 200);
        v6.judged.socket.remote = "[2001:db8::1]:443".parse().unwrap();
        v6
    };
    let found = vec![
        quiet(Health::AtRisk, 200),
        mapped,
        other,
        late,
        v6,
        quiet(Health::Ok, 100),
        quiet(Health::Retransmitting, 1),
    ];
    let alerts = Engine::new(settings(0)).update(&snapshot(found), at(0));
    assert_eq!(alerts.len(), 4);
    let labels: Vec<_> = alerts[0]
        .labels()
        .map(|(name, value)| format!("{name}={value}"))
        .into();
    assert_eq!(
        labels,
        [
            "alertname=KeepaliveAtRisk",
            "host=web-1",
            "remote=203.0.113.9:443",
            "severity=warning",
            "verdict=unprotected",
            "workload=etl.service"
        ]
    );
    let of = |name| {
        let mut annotations = alerts[0].annotations.iter();
        annotations
            .find(|(one, _)| *one == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(of("sockets"), Some("2"));
    assert_eq!(of("longest_quiet_s"), Some("300"));
    assert_eq!(of("path_limit_s"), Some("350 (aws-nlb)"));
    assert_eq!(of("example"), Some("pid 812 (python3), local port 51122"));
    assert_eq!(
        of("summary"),
        Some(
            "2 connections of etl.service to 203.0.113.9:443: silent for up to 300 s, and the path will forget them after 350 s (aws-nlb)"
        )
    );
    assert_eq!(
        of("command"),
        Some("observer explain --remote 203.0.113.9 --port 443 --health at-risk")
    );
    assert!(
        alerts
            .iter()
            .any(|alert| alert.labels()[2].1 == "[2001:db8::1]:443")
    );
}

#[test]
fn at_risk_becomes_stale() {
    let mut engine = Engine::new(settings(0));
    assert_eq!(
        look(&mut engine, 0, vec![quiet(Health::AtRisk, 340)]),
        [FIRING]
    );
    let stale = || vec![quiet(Health::Stale, 350)];
    let stale_fires = (&kind::STALE, AlertState::Firing);
    assert_eq!(look(&mut engine, 10, stale()), [stale_fires]);
    assert_eq!(look(&mut engine, 69, stale()), []);
    assert_eq!(look(&mut engine, 70, stale()), [RESOLVED]);
}

#[test]
fn one_unanswered_probe_is_no_silence() {
    let mut engine = Engine::new(settings(0));
    for s in [0, 10, 20] {
        assert_eq!(look(&mut engine, s, vec![probing(1)]), []);
    }
    let fires = (&kind::PEER_SILENT, AlertState::Firing);
    assert_eq!(look(&mut engine, 30, vec![probing(2)]), [fires]);
}

#[test]
fn setting_the_wall_clock_changes_nothing_but_stamps() {
    let day = jiff::SignedDuration::from_hours(24);
    let mut engine = Engine::new(settings(60));
    let mut look = |elapsed_s, step, found: Vec<Flagged>| {
        let mut now = at(elapsed_s);
        now.at += step;
        engine.update(&snapshot(found), now)
    };
    let risk = || vec![quiet(Health::AtRisk, 200)];
    assert_eq!(look(0, jiff::SignedDuration::ZERO, risk()), []);
    assert_eq!(look(59, day, risk()), []);
    let fired = look(60, -day, risk());
    assert_eq!(fired.len(), 1);
    assert!(fired[0].starts_at <= fired[0].ends_at);
    assert_eq!(look(70, day, vec![]), []);
    assert_eq!(look(129, day, vec![]), []);
    let resolved = look(130, -day, vec![]);
    assert_eq!(resolved.len(), 1);
    assert_eq!(resolved[0].state, AlertState::Resolved);
    assert!(resolved[0].starts_at <= resolved[0].ends_at);
}

#[test]
fn the_worst_and_largest_get_the_room() {
    let mut engine = Engine::new(settings(0));
    let mut found: Vec<Flagged> = (1..=1500)
        .map(|port| to_port(Health::AtRisk, port))
        .collect();
    found.push(to_port(Health::AtRisk, 1500));
    found.push(to_port(Health::Stale, 2000));
    let alerts = engine.update(&snapshot(found.clone()), at(0));
    assert_eq!(alerts.len(), MAX_GROUPS);
    assert_eq!(alerts[0].group.kind, &kind::STALE);
    assert_eq!(alerts[1].group.remote.port, Some(1500));
    assert_eq!(engine.tallies(Vec::new()).groups_dropped, 501);
    // Those that fire keep their place.
    found.push(to_port(Health::Stale, 2001));
    assert_eq!(engine.update(&snapshot(found), at(10)), []);
}

#[test]
fn after_a_restart_it_is_found_again_with_the_same_labels() {
    let risk = || snapshot(vec![quiet(Health::AtRisk, 200)]);
    let before = Engine::new(settings(0)).update(&risk(), at(0));
    let after = Engine::new(settings(0)).update(&risk(), at(100));
    assert_eq!(before[0].labels(), after[0].labels());
}

#[test]
fn other_settings_hold_from_the_next_look_on() {
    let mut engine = Engine::new(settings(3600));
    let risk = || vec![quiet(Health::AtRisk, 200)];
    assert_eq!(look(&mut engine, 0, risk()), []);
    engine.reconfigure(settings(20));
    assert_eq!(look(&mut engine, 19, risk()), []);
    assert_eq!(look(&mut engine, 20, risk()), [FIRING]);
    engine.reconfigure(AlertSettings {
        repeat: Duration::from_secs(10),
        ..settings(0)
    });
    assert_eq!(look(&mut engine, 30, risk()), [FIRING]);
}

#[test]
fn an_alert_outlives_the_time_between_looks() {
    let section = AlertSection::default();
    let mut scan = ScanSection::default();
    scan.interval.ms = 3_600_000;
    let settings = AlertSettings::new(&section, &scan, "a\nb");
    assert_eq!(settings.valid_for(), Duration::from_secs(4 * 3600));
    assert_eq!(&*settings.host, "a\\nb");
}

#[test]
fn foreign_names_are_escaped() {
    let mut hostile = quiet(Health::AtRisk, 200);
    hostile.judged.socket.owners[0].comm = Comm::new(b"a\x1b[31m\n");
    let alerts = Engine::new(settings(0)).update(&snapshot(vec![hostile]), at(0));
    let mut annotations = alerts[0].annotations.iter();
    assert!(annotations.all(|(_, value)| !value.contains(crate::text::escape::is_hostile)));
}

proptest! {
    /// Against a model of one group: which looks find it, and by how much each comes later.
    #[test]
    fn it_never_fires_early_nor_resolves_early_and_each_ends_once(
        looks in proptest::collection::vec((any::<bool>(), 1u64..90, any::<i16>()), 1..60),
        (hold_s, repeat_s, resolve_s) in (0u64..120, 1u64..200, 1u64..120),
    ) {
        let mut engine = Engine::new(AlertSettings {
            repeat: Duration::from_secs(repeat_s),
            resolve: Duration::from_secs(resolve_s),
            ..settings(hold_s)
        });
        let (mut elapsed_s, mut present_since, mut absent_since) = (0, None, None);
        let (mut is_firing, mut sent_s) = (false, 0);
        for (is_there, later_s, step_s) in looks {
            elapsed_s += later_s;
            if is_there {
                present_since = present_since.or(Some(elapsed_s));
                absent_since = None;
            } else {
                present_since = None;
                absent_since = absent_since.or(Some(elapsed_s));
            }
            let mut now = at(elapsed_s);
            now.at += jiff::SignedDuration::from_secs(i64::from(step_s));
            let found = if is_there { vec![quiet(Health::AtRisk, 200)] } else { vec![] };
            let alerts = engine.update(&snapshot(found), now);
            let held = present_since.is_some_and(|since| elapsed_s - since >= hold_s);
            let gone = absent_since.is_some_and(|since| elapsed_s - since >= resolve_s);
            let expected = match is_firing {
                false => held.then_some(AlertState::Firing),
                true if gone => Some(AlertState::Resolved),
                true => (elapsed_s - sent_s >= repeat_s).then_some(AlertState::Firing),
            };
            let states: Vec<AlertState> = alerts.iter().map(|alert| alert.state).collect();
            prop_assert_eq!(&states, &expected.into_iter().collect::<Vec<_>>());
            if let Some(state) = expected {
                is_firing = state == AlertState::Firing;
                sent_s = elapsed_s;
            }
            for alert in alerts {
                prop_assert!(alert.starts_at <= alert.ends_at);
            }
        }
        let tallies = engine.tallies(Vec::new());
        prop_assert_eq!(tallies.firing, tallies.resolved + u64::from(is_firing));
    }
}

#[test]
fn the_page_on_alerts_shows_what_is_sent() {
    let page = include_str!("../../../docs/alerts.md");
    let shown = page.split("```json").nth(1).unwrap();
    let shown: serde_json::Value =
        serde_json::from_str(shown.split("```").next().unwrap()).unwrap();
    let found = [351, 924, 400].map(|quiet_s| quiet(Health::Stale, quiet_s));
    let alerts = Engine::new(settings(0)).update(&snapshot(found.into()), at(0));
    let body = crate::alert::json::body(&alerts);
    let sent: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(shown, sent);
}
