//! Metrics in both formats.

use std::time::Duration;

use observer::exporter::metrics::reference;
use observer::kernel::hooks::Hook;
use observer::model::{
    AlertTallies, Cause, Counters, EndsByCause, HookTallies, HookTally, SinkTally,
};

use crate::file::assert_golden;
use crate::kit::{Running, config, gunzip, snapshot, start};

fn serving() -> Running {
    let server = start(&config());
    server.exporter.show_snapshot(snapshot());
    let runs = |of| Some((812 * of, Duration::from_micros(2500 * of)));
    let hook = |(hook, of): (Hook, u64)| HookTally {
        name: hook.name(),
        attached: hook != Hook::Accept,
        runs: runs(of),
    };
    let mut ends = EndsByCause::default();
    for (cause, count) in [
        (Cause::KeepaliveTimeout, 7),
        (Cause::RetransmitTimeout, 2),
        (Cause::Reset, 41),
        (Cause::Closed, 5),
    ] {
        (0..count).for_each(|_| ends.count(cause));
    }
    let hooks = HookTallies {
        counters: Counters {
            sets: [[5, 4, 3, 2, 1], [1, 0, 0, 2, 0]],
            timers_probed: 812,
            events_lost: 3,
            tracked_added: 2000,
            tracked_removed: 958,
            tracked_rejected: 9,
            ..Counters::default()
        },
        ends,
        missed_runs: 0,
        tracked_capacity: 65_536,
        hooks: Hook::ALL.into_iter().zip(1..).map(hook).collect(),
    };
    let sink = |name: &str| SinkTally {
        name: name.to_owned(),
        ok: 3,
        error: 1,
        dropped: 0,
    };
    let alerts = AlertTallies {
        firing: 4,
        resolved: 3,
        active: 1,
        groups_dropped: 0,
        sinks: vec![sink("alertmanager"), sink("webhook2")],
    };
    let metrics = server.exporter.metrics();
    metrics.show_tallies(&hooks, &alerts);
    metrics.show_lost_lines(2);
    server
}

/// Lines that differ from run to run are left out.
fn stable(text: &str) -> String {
    let version = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"");
    let lines = text.lines().map(|line| {
        let line = line.replace(version, "version=\"VERSION\"");
        match line.split_once(' ') {
            Some((name, _)) if name.starts_with("process_") => format!("{name} VALUE\n"),
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}

const OPENMETRICS: &str = "accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n";

#[test]
fn openmetrics() {
    let answer = serving().request("GET /metrics", OPENMETRICS);
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
    assert_golden("metrics.openmetrics.txt", &stable(answer.text()));
}

#[test]
fn text_format() {
    let answer = serving().get("/metrics");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_golden("metrics.txt", &stable(answer.text()));
}

#[test]
fn both_formats_have_the_same_samples() {
    let server = serving();
    let samples = |headers| -> Vec<String> {
        let answer = server.request("GET /metrics", headers);
        let own = |line: &&str| {
            !line.starts_with('#') && !line.starts_with("process_") && !line.contains("_http_")
        };
        answer
            .text()
            .lines()
            .filter(own)
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(samples(OPENMETRICS), samples(""));
}

#[test]
fn compressed_is_the_same_text() {
    let server = serving();
    for headers in ["", OPENMETRICS] {
        let plain = server.request("GET /metrics", headers);
        let gzip = format!("{headers}accept-encoding: gzip\r\n");
        let compressed = server.request("GET /metrics", &gzip);
        assert_eq!(compressed.header("content-encoding"), Some("gzip"));
        assert!(compressed.body.len() * 4 < plain.body.len());
        let names = |text: &str| -> Vec<String> {
            let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
            text.lines().map(name).collect()
        };
        assert_eq!(names(&gunzip(&compressed.body)), names(plain.text()));
    }
    let page = server.request("GET /", "accept-encoding: gzip\r\n");
    assert!(gunzip(&page.body).contains("</html>"));
}

#[test]
fn hostile_workloads_stay_within_their_label() {
    let server = serving();
    let hostile = "a\"} 666\n# EOF\u{202e}\\";
    let mut snapshot = (*snapshot()).clone();
    let sockets = snapshot.workloads[0].1;
    snapshot.workloads = vec![(hostile.into(), sockets)];
    server.exporter.show_snapshot(snapshot.into());
    for headers in ["", OPENMETRICS] {
        let answer = server.request("GET /metrics", headers);
        let text = answer.text();
        let label = "workload=\"a\\\"} 666\\\\u{a}# EOF\\\\u{202e}\\\\\",verdict=";
        assert_eq!(text.matches(label).count(), 5, "{text}");
        assert!(!text.contains('\u{202e}'), "{text}");
        let ends = text.lines().filter(|line| line.starts_with("# EOF"));
        assert_eq!(ends.count(), usize::from(!headers.is_empty()));
    }
}

#[test]
fn the_reference_is_what_the_program_shows() {
    assert_golden("../../../docs/metrics.md", &reference::markdown());
}
