//! Sockets by verdict and health.

use super::html::Html;
use crate::policy::counts::{ByHealth, SocketCounts};
use crate::policy::{Health, Verdict};

pub(super) fn write(html: &mut Html, counts: &SocketCounts) {
    html.raw(
        "<section><h2>Connected sockets</h2>\n<div class=\"wide\"><table><thead><tr><th></th>",
    );
    for health in ByHealth::<u64>::healths() {
        html.classed("th", "n", health.map_or("unknown", Health::name));
    }
    html.raw("<th class=\"n\">all</th></tr></thead><tbody>\n");
    for (verdict, by_health) in counts.sockets.iter() {
        html.raw("<tr>");
        html.element("th", verdict.map_or("unknown", Verdict::name));
        let mut all = 0;
        for (health, count) in by_health.iter() {
            all += count;
            let class = match (count, health) {
                (0, _) => "n dim",
                (_, Some(Health::Stale)) => "n bad",
                (_, Some(Health::AtRisk | Health::Probing | Health::Retransmitting)) => "n warn",
                _ => "n",
            };
            html.classed("td", class, &count.to_string());
        }
        let class = if all == 0 { "n dim" } else { "n" };
        html.classed("td", class, &all.to_string());
        html.raw("</tr>\n");
    }
    html.raw("</tbody></table></div></section>\n");
}
