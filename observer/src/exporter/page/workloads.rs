//! Sockets by workload and verdict.

use std::cmp::Reverse;

use super::LISTED;
use super::html::Html;
use crate::policy::counts::ByVerdict;
use crate::policy::{HostSnapshot, Verdict};

pub(super) fn write(html: &mut Html, snapshot: &HostSnapshot) {
    let mut workloads: Vec<_> = snapshot.workloads.iter().collect();
    if workloads.is_empty() {
        return;
    }
    workloads.sort_by_key(|(name, sockets)| {
        (Reverse(unprotected(sockets)), Reverse(all(sockets)), name)
    });
    html.raw("<section><h2>Workloads</h2>\n<div class=\"wide\"><table><thead><tr><th></th>");
    for verdict in ByVerdict::<u64>::verdicts() {
        html.classed("th", "n", verdict.map_or("unknown", Verdict::name));
    }
    html.raw("<th class=\"n\">all</th></tr></thead><tbody>\n");
    for (name, sockets) in workloads.iter().take(LISTED) {
        html.raw("<tr>");
        html.element("th", name);
        for (verdict, count) in sockets.iter() {
            let class = match (count, verdict) {
                (0, _) => "n dim",
                (_, Some(Verdict::Late | Verdict::Unprotected)) => "n warn",
                _ => "n",
            };
            html.classed("td", class, &count.to_string());
        }
        html.classed("td", "n", &all(sockets).to_string());
        html.raw("</tr>\n");
    }
    html.raw("</tbody></table></div>");
    if let Some(more) = workloads.len().checked_sub(LISTED).filter(|more| *more > 0) {
        html.classed("p", "note", &format!("and {more} more workloads"));
    }
    html.raw("</section>\n");
}

fn unprotected(sockets: &ByVerdict<u64>) -> u64 {
    sockets.get(Some(Verdict::Late)) + sockets.get(Some(Verdict::Unprotected))
}

fn all(sockets: &ByVerdict<u64>) -> u64 {
    sockets.iter().map(|(_, count)| count).sum()
}
