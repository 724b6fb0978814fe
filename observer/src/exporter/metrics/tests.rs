use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::policy::counts::ByVerdict;
use crate::policy::{Health, Verdict};

fn host() -> HostInfo {
    HostInfo {
        host: "web-1".to_owned(),
        kernel: "6.12.107".to_owned(),
        scan: "bpf",
        hooks: "trampoline",
    }
}

fn metrics() -> Metrics {
    Metrics::new(&host(), 2, jiff::Timestamp::UNIX_EPOCH)
}

fn snapshot(workloads: &[(&str, u64)]) -> HostSnapshot {
    let mut counts = SocketCounts::default();
    counts.add(Some(Verdict::Late), Some(Health::AtRisk), Some(301_500));
    counts.add(None, None, None);
    let late = |count| {
        let mut sockets = ByVerdict::default();
        *sockets.get_mut(Some(Verdict::Late)) = count;
        sockets
    };
    HostSnapshot {
        taken_at: jiff::Timestamp::from_millisecond(1_763_712_000_123).unwrap(),
        took: Duration::from_micros(12_400),
        scan: "bpf",
        counts,
        workloads: workloads
            .iter()
            .map(|(name, count)| (Arc::from(*name), late(*count)))
            .collect(),
        flagged: Vec::new(),
        unknown: Vec::new(),
    }
}

fn has_line(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line}\n{text}");
}

#[test]
fn every_series_known_in_advance_is_there_at_0() {
    let text = metrics().openmetrics();
    for line in [
        "observer_sockets{verdict=\"late\",health=\"at-risk\"} 0",
        "observer_sockets{verdict=\"unknown\",health=\"unknown\"} 0",
        "observer_sockets_quiet{verdict=\"protected\",longer_than_seconds=\"350\"} 0",
        "observer_longest_quiet_seconds{verdict=\"late\"} 0.0",
        "observer_workload_sockets{workload=\"other\",verdict=\"exempt\"} 0",
        "observer_keepalive_set_total{option=\"TCP_USER_TIMEOUT\",outcome=\"error\"} 0",
        "observer_keepalive_probes_total 0",
        "observer_connections_lost_total{cause=\"reset\"} 0",
        "observer_alerts_total{state=\"resolved\"} 0",
        "observer_scan_duration_seconds 0.0",
        "observer_scan_timestamp_seconds 0.0",
        "observer_scan_sockets 0",
        "observer_events_lost_total 0",
        "observer_notes 0",
        "observer_notes_capacity 0",
        "observer_notes_rejected_total 0",
        "observer_http_requests_total{handler=\"metrics\",code=\"200\"} 0",
        "observer_host_info{scan=\"bpf\",hooks=\"trampoline\",kernel=\"6.12.107\"} 1",
        "observer_config_last_reload_successful 1",
    ] {
        has_line(&text, line);
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn a_scan_is_shown() {
    let metrics = metrics();
    metrics.show_snapshot(&snapshot(&[("etl.service", 3), ("a", 1), ("b", 2)]));
    metrics.scan_failed();
    let text = metrics.openmetrics();
    for line in [
        "observer_sockets{verdict=\"late\",health=\"at-risk\"} 1",
        "observer_sockets{verdict=\"unknown\",health=\"unknown\"} 1",
        "observer_sockets_quiet{verdict=\"late\",longer_than_seconds=\"240\"} 1",
        "observer_sockets_quiet{verdict=\"late\",longer_than_seconds=\"350\"} 0",
        "observer_longest_quiet_seconds{verdict=\"late\"} 301.5",
        "observer_scan_timestamp_seconds 1763712000.123",
        "observer_scan_duration_seconds 0.0124",
        "observer_scan_sockets 2",
        "observer_scan_failures_total 1",
        "observer_workload_sockets{workload=\"etl.service\",verdict=\"late\"} 3",
        "observer_workload_sockets{workload=\"b\",verdict=\"late\"} 2",
        "observer_workload_sockets{workload=\"other\",verdict=\"late\"} 1",
    ] {
        has_line(&text, line);
    }
}

#[test]
fn a_bad_reload_keeps_the_time_of_the_good_one() {
    let metrics = metrics();
    let at = |s| jiff::Timestamp::from_second(s).unwrap();
    metrics.reloaded(true, at(100));
    metrics.reloaded(false, at(200));
    let text = metrics.openmetrics();
    has_line(&text, "observer_config_last_reload_successful 0");
    has_line(
        &text,
        "observer_config_last_reload_success_timestamp_seconds 100.0",
    );
}

#[test]
fn hostile_names_stay_within_their_label() {
    let metrics = metrics();
    metrics.show_snapshot(&snapshot(&[("a\"} 1\nx{\\\u{202e}", 7)]));
    has_line(
        &metrics.openmetrics(),
        "observer_workload_sockets{workload=\"a\\\"} 1\\\\u{a}x{\\\\\\\\u{202e}\",verdict=\"late\"} 7",
    );
}

#[test]
fn statistics_of_hooks_show_where_there_are_any() {
    let metrics = metrics();
    let hook = |name, runs| crate::model::HookTally {
        name,
        attached: true,
        runs,
    };
    let hooks = HookTallies {
        hooks: vec![
            hook("set", Some((7, Duration::from_millis(250)))),
            hook("opened", None),
        ],
        ..HookTallies::default()
    };
    metrics.show_tallies(&hooks, &AlertTallies::default());
    let text = metrics.openmetrics();
    has_line(&text, "observer_hook_attached{hook=\"opened\"} 1");
    has_line(&text, "observer_hook_run_seconds_total{hook=\"set\"} 0.25");
    has_line(&text, "observer_hook_runs_total{hook=\"set\"} 7");
    assert!(!text.contains("runs_total{hook=\"opened\"}"), "{text}");
}

#[test]
fn families_are_well_formed() {
    let mut names = HashSet::new();
    for family in GROUPS.iter().flat_map(|(_, families)| *families) {
        let name = family.sample_name();
        assert!(names.insert(name.clone()), "{name} twice");
        assert!(!family.help.contains(['\\', '"', '\n']), "{name}");
        assert!(!family.help.ends_with('.'), "{name}");
        assert!(!family.base.ends_with("_total"), "{name}");
    }
}

#[test]
fn samples_have_the_labels_of_their_family() {
    let metrics = metrics();
    metrics.show_snapshot(&snapshot(&[("a", 1)]));
    let values = metrics.values.lock();
    for family in GROUPS.iter().flat_map(|(_, families)| *families) {
        let mut samples = family::Samples::default();
        (family.samples)(&values, &mut samples);
        let names: Vec<_> = family.labels.iter().map(|(name, _)| *name).collect();
        for labels in samples.labels() {
            assert_eq!(labels, names, "{}", family.base);
        }
    }
}

/// An escaped label value as a parser reads it.
fn unescaped(value: &str) -> String {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => out.push(match chars.next().unwrap() {
                'n' => '\n',
                c => c,
            }),
            (c, _) => out.push(c),
        }
    }
    out
}

proptest! {
    #[test]
    fn any_name_is_read_back_in_both_formats(name in any::<String>()) {
        prop_assume!(name != workloads::OTHER);
        let metrics = metrics();
        metrics.show_snapshot(&snapshot(&[("tame", 7)]));
        let lines = metrics.openmetrics().lines().count();
        let metrics = Metrics::new(&host(), 1, jiff::Timestamp::UNIX_EPOCH);
        metrics.show_snapshot(&snapshot(&[(&name, 7)]));
        let openmetrics = metrics.openmetrics();
        let text = crate::exporter::text::from_openmetrics(&openmetrics);
        for text in [&openmetrics, &text] {
            let found: Vec<_> = text
                .lines()
                .filter_map(|line| {
                    let line = line.strip_prefix("observer_workload_sockets{workload=\"")?;
                    line.strip_suffix("\",verdict=\"late\"} 7")
                })
                .map(unescaped)
                .collect();
            prop_assert_eq!(found, vec![crate::text::visible::visible(&name).into_owned()]);
        }
        prop_assert_eq!(openmetrics.lines().count(), lines);
    }
}
