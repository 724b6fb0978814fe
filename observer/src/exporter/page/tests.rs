use std::sync::Arc;

use super::*;
use crate::policy::Policy;
use crate::policy::picture::{ByVerdict, Counts, Notable};
use crate::policy::testing::socket;
use crate::scan::Unknown;

fn notable(workload: &str, port: u16, quiet_ms: u64) -> Notable {
    let mut socket = socket();
    socket.local.set_port(port);
    socket.idle.sent_ms = Some(quiet_ms);
    socket.idle.received_ms = Some(quiet_ms);
    socket.idle.ack_ms = Some(quiet_ms);
    let policy = Policy::default();
    let judgement = policy.judge(&socket, false);
    Notable {
        limit_s: judgement.path.limit_s,
        limit_from: judgement.path.from.into(),
        verdict: judgement.verdict,
        health: judgement.health,
        reasons: judgement.reasons,
        workload: workload.into(),
        socket: socket.clone(),
    }
}

fn picture(notable: Vec<Notable>) -> Picture {
    let mut counts = Counts::default();
    for one in &notable {
        counts.add(one.verdict, one.health, one.socket.idle.quiet_ms());
    }
    let workloads = notable
        .iter()
        .map(|one| (Arc::clone(&one.workload), ByVerdict::default()))
        .collect();
    Picture {
        taken_at: jiff::Timestamp::UNIX_EPOCH,
        took: std::time::Duration::from_micros(12_400),
        scan: "bpf",
        counts,
        workloads,
        notable,
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
    let many = (1..=120).map(|port| notable("w", port, u64::from(port) * 1000));
    let text = rendered(|html| sockets::write(html, &picture(many.collect()), 0));
    assert_eq!(text.matches("<tr>").count(), LISTED + 1);
    let at = |what: &str| text.find(what).unwrap_or(usize::MAX);
    assert!(at("10.0.3.7:120<") < at("10.0.3.7:119<"), "{text}");
    assert!(text.contains("50 of 120"), "{text}");
    assert!(!text.contains("10.0.3.7:70<"), "{text}");
}

#[test]
fn time_goes_on_after_the_scan() {
    let text = |quiet_ms, age_ms| {
        let picture = picture(vec![notable("w", 1, quiet_ms)]);
        rendered(|html| sockets::write(html, &picture, age_ms))
    };
    assert!(text(300_000, 0).contains("<td class=\"n\">50s</td>"));
    assert!(text(300_000, 20_000).contains("<td class=\"n\">30s</td>"));
    assert!(text(300_000, 60_000).contains("<td class=\"n\">+10s</td>"));
}

#[test]
fn foreign_text_is_text_everywhere() {
    let hostile = "<img src=x onerror=alert(1)>\u{202e}";
    let mut picture = picture(vec![notable(hostile, 1, 400_000)]);
    picture.unknown.push(Unknown {
        field: "uid",
        why: hostile.to_owned(),
    });
    let text = rendered(|html| {
        sockets::write(html, &picture, 0);
        workloads::write(html, &picture);
        unknown(html, &picture);
    });
    assert_eq!(text.matches("&lt;img").count(), 3, "{text}");
    assert!(
        !text.contains("<img") && !text.contains('\u{202e}'),
        "{text}"
    );
}
