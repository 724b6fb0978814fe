//! The status page: what is in danger, on one page that loads nothing and runs nothing.

mod change;
mod counts;
mod headline;
mod html;
mod sockets;
mod workloads;

use std::time::Duration;

use super::host_info::HostInfo;
use crate::policy::HostSnapshot;
use crate::text::push;
use headline::Headline;
use html::Html;

const STYLE: &str = include_str!("page.css");

/// Sockets, and workloads, that are listed at most.
const LISTED: usize = 50;

/// State that a page shows.
#[derive(Debug)]
pub(super) struct PageState<'a> {
    pub(super) host: &'a HostInfo,
    /// Last snapshot and the time since it came; `None` before the first.
    pub(super) latest: Option<(&'a HostSnapshot, Duration)>,
    /// Age from which a snapshot is marked as old.
    pub(super) stale_after: Duration,
}

/// Page of the state.
pub(super) fn render(state: &PageState<'_>) -> String {
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta http-equiv=\"refresh\" content=\"10\"><title>");
    let headline = Headline::of(state.latest.map(|(snapshot, _)| &snapshot.counts));
    html.text(&headline.main);
    html.raw(" – observer on ");
    html.text(&state.host.host);
    html.raw("</title><style>");
    html.raw(STYLE);
    html.raw("</style></head><body>\n");
    head(&mut html, state, &headline);
    if let Some((snapshot, age)) = state.latest {
        sockets::write(&mut html, snapshot, millis(age));
        counts::write(&mut html, &snapshot.counts);
        workloads::write(&mut html, snapshot);
        unknown(&mut html, snapshot);
    }
    html.raw(FOOT);
    html.into_string()
}

fn head(html: &mut Html, state: &PageState<'_>, headline: &Headline) {
    let host = state.host;
    html.raw("<header><p class=\"host\"><b>observer</b> on <b>");
    html.text(&host.host);
    html.raw("</b></p>\n<h1 class=\"");
    html.raw(headline.tone.class());
    html.raw("\">");
    html.text(&headline.main);
    html.raw("</h1>\n");
    if let Some(more) = &headline.more {
        html.element("p", more);
    }
    html.raw("<p class=\"how\">");
    if let Some((snapshot, age)) = state.latest {
        let took_ms = snapshot.took.as_secs_f64() * 1000.0;
        html.raw("<span");
        if age > state.stale_after {
            html.raw(" class=\"bad\"");
        }
        html.raw(">scan ");
        html.text(&duration(millis(age)));
        html.raw(" ago</span> ");
        let total = snapshot.counts.total();
        html.element("span", &format!("{total} connected sockets"));
        html.raw(" ");
        html.element("span", &format!("by {} in {took_ms:.1} ms", snapshot.scan));
    } else {
        html.element("span", &format!("scan by {}", host.scan));
    }
    html.raw(" ");
    html.element("span", &format!("hooks {}", host.hooks));
    html.raw(" ");
    html.element("span", &format!("kernel {}", host.kernel));
    html.raw("</p></header>\n");
}

fn unknown(html: &mut Html, snapshot: &HostSnapshot) {
    if snapshot.unknown.is_empty() {
        return;
    }
    html.raw("<section><h2>Unknown here</h2>\n<dl>");
    for unknown in &snapshot.unknown {
        html.raw("<dt><code>");
        html.text(unknown.field);
        html.raw("</code></dt>");
        html.element("dd", &unknown.why);
        html.raw("\n");
    }
    html.raw("</dl><p class=\"note\"><code>observer doctor</code> says what to do about it.</p></section>\n");
}

const FOOT: &str = "<footer><nav>\
<a href=\"/metrics\">metrics</a> \
<a href=\"/api/v1/sockets\">sockets as JSON</a> \
<a href=\"/api/v1/sockets?health=stale&amp;health=at-risk\">those in danger</a> \
<a href=\"/-/healthy\">healthy</a> \
<a href=\"/-/ready\">ready</a>\
</nav><p class=\"note\"><code>observer explain</code> on this host says what to change in a program.</p></footer>\n</body></html>\n";

fn millis(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}

/// Duration for people: `5m12s`.
fn duration(ms: u64) -> String {
    let mut out = Vec::new();
    push::duration(&mut out, ms);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
