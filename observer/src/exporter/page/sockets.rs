//! The most dangerous sockets.

use super::change::change;
use super::html::Html;
use super::{LISTED, duration};
use crate::policy::snapshot::Flagged;
use crate::policy::{Health, HostSnapshot, JudgedRef};
use crate::render::column::Column;
use crate::render::order::{self, SortOrder};

/// With their class: numbers are to the right.
const HEADERS: [(&str, &str); 9] = [
    ("", "Workload"),
    ("", "Owner"),
    ("", "Local → remote"),
    ("", "Health"),
    ("n", "Quiet"),
    ("n", "Limit"),
    ("n", "Left"),
    ("", "Keepalive"),
    ("", "What to change"),
];

pub(super) fn write(html: &mut Html, snapshot: &HostSnapshot, age_ms: u64) {
    let mut flagged: Vec<&Flagged> = snapshot.flagged.iter().collect();
    order::sort_by(&mut flagged, SortOrder::Danger, |flagged| {
        (&flagged.judged.socket, &flagged.judged.judgement)
    });
    if flagged.is_empty() {
        return;
    }
    html.raw("<section><h2>Most dangerous first</h2>\n<div class=\"wide\"><table class=\"sockets\"><thead><tr>");
    for (class, header) in HEADERS {
        html.classed("th", class, header);
    }
    html.raw("</tr></thead><tbody>\n");
    for one in flagged.iter().take(LISTED) {
        row(html, one, age_ms);
    }
    html.raw("</tbody></table></div>\n");
    let (listed, all) = (flagged.len().min(LISTED), flagged.len());
    let more = if listed < all {
        format!("{listed} of {all} that are in danger or soon may be. ")
    } else {
        String::new()
    };
    html.classed(
        "p",
        "note",
        &format!("{more}Quiet: since a packet last crossed the wire. Limit: the silence after which the path forgets. Left: until then, + since then. Keepalive: idle/interval/probes."),
    );
    html.raw("</section>\n");
}

fn row(html: &mut Html, flagged: &Flagged, age_ms: u64) {
    let judged = flagged.judged.by_ref();
    let health = judged.judgement.health;
    html.raw("<tr>");
    html.element("td", &flagged.workload);
    html.element("td", &column(Column::Owner, &judged));
    let (local, remote) = (
        column(Column::Local, &judged),
        column(Column::Remote, &judged),
    );
    html.raw("<td><span>");
    html.text(&local);
    html.raw("</span> → <span>");
    html.text(&remote);
    html.raw("</span></td>");
    html.classed("td", class(health), health.map_or("?", Health::name));
    let quiet_ms = judged
        .socket
        .idle
        .quiet_ms()
        .map(|ms| ms.saturating_add(age_ms));
    let quiet = quiet_ms.map_or_else(|| "?".to_owned(), duration);
    html.classed("td", "n", &quiet);
    html.classed("td", "n", &column(Column::Limit, &judged));
    html.classed("td", "n", &left(&judged, age_ms));
    html.element("td", &column(Column::Keepalive, &judged));
    html.classed("td", "words", &change(&judged));
    html.raw("</tr>\n");
}

/// The time until the path forgets, `+` and the time since it did, `-` without a limit, `?`.
fn left(judged: &JudgedRef<'_>, age_ms: u64) -> String {
    let path = &judged.judgement.path;
    let is_sent_again = judged.judgement.health == Some(Health::Retransmitting);
    let Some(limit_ms) = path.limit_ms().filter(|_| !is_sent_again) else {
        return "-".to_owned();
    };
    let Some(quiet_ms) = path.silence_ms(judged.socket) else {
        return "?".to_owned();
    };
    let quiet_ms = quiet_ms.saturating_add(age_ms);
    match limit_ms.checked_sub(quiet_ms) {
        Some(left_ms) if left_ms > 0 => duration(left_ms),
        _ => format!("+{}", duration(quiet_ms - limit_ms)),
    }
}

fn column(column: Column, judged: &JudgedRef<'_>) -> String {
    let mut out = Vec::new();
    column.push(&mut out, judged);
    String::from_utf8_lossy(&out).into_owned()
}

const fn class(health: Option<Health>) -> &'static str {
    match health {
        Some(Health::Stale) => "bad",
        Some(Health::Retransmitting | Health::Probing | Health::AtRisk) => "warn",
        Some(Health::Ok) => "",
        None => "dim",
    }
}
