use std::sync::Arc;

use super::*;
use crate::model::scan::UnknownField;
use crate::model::testing::socket;
use crate::policy::counts::{ByVerdict, SocketCounts};
use crate::policy::snapshot::Flagged;
use crate::policy::{Judged, Policy};

fn flagged(workload: &str, port: u16, quiet_ms: u64) -> Flagged {
    let mut socket = socket();
    socket.local.set_port(port);
    socket.idle.sent_ms = Some(quiet_ms);
    socket.idle.received_ms = Some(quiet_ms);
    socket.idle.ack_ms = Some(quiet_ms);
    Flagged {
        judged: Judged::by(&Policy::default(), socket),
        workload: workload.into(),
    }
}

fn snapshot(flagged: Vec<Flagged>) -> HostSnapshot {
    let mut counts = SocketCounts::default();
    for one in &flagged {
        counts.add(
            one.judged.judgement.verdict,
            one.judged.judgement.health,
            one.judged.socket.idle.quiet_ms(),
        );
    }
    let workloads = flagged
        .iter()
        .map(|one| (Arc::clone(&one.workload), ByVerdict::default()))
        .collect();
    HostSnapshot {
        taken_at: jiff::Timestamp::UNIX_EPOCH,
        took: Duration::from_micros(12_400),
        scan: "bpf",
        counts,
        workloads,
        flagged,
        unknown: Vec::new(),
    }
}

fn rendered(write: impl FnOnce(&mut Html)) -> String {
    let mut html = Html::default();
    write(&mut html);
    html.into_string()
}

#[test]
fn the_most_dangerous_are_first_and_bounded() {
    let many = (1..=120).map(|port| flagged("w", port, u64::from(port) * 1000));
    let text = rendered(|html| sockets::write(html, &snapshot(many.collect()), 0));
    assert_eq!(text.matches("<tr>").count(), LISTED + 1);
    let at = |what: &str| text.find(what).unwrap_or(usize::MAX);
    assert!(at("10.0.3.7:120<") < at("10.0.3.7:119<"), "{text}");
    assert!(text.contains("50 of 120"), "{text}");
    assert!(!text.contains("10.0.3.7:70<"), "{text}");
}

#[test]
fn time_goes_on_after_the_scan() {
    let text = |quiet_ms, age_ms| {
        let snapshot = snapshot(vec![flagged("w", 1, quiet_ms)]);
        rendered(|html| sockets::write(html, &snapshot, age_ms))
    };
    assert!(text(300_000, 0).contains("<td class=\"n\">50s</td>"));
    assert!(text(300_000, 20_000).contains("<td class=\"n\">30s</td>"));
    assert!(text(300_000, 60_000).contains("<td class=\"n\">+10s</td>"));
}

#[test]
fn foreign_text_is_text_everywhere() {
    let hostile = "<img src=x onerror=alert(1)>\u{202e}";
    let mut snapshot = snapshot(vec![flagged(hostile, 1, 400_000)]);
    snapshot.unknown.push(UnknownField {
        field: "uid",
        why: hostile.to_owned(),
    });
    let text = rendered(|html| {
        sockets::write(html, &snapshot, 0);
        workloads::write(html, &snapshot);
        unknown(html, &snapshot);
    });
    assert_eq!(text.matches("&lt;img").count(), 3, "{text}");
    assert!(
        !text.contains("<img") && !text.contains('\u{202e}'),
        "{text}"
    );
}
