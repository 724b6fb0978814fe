//! The reference of the metrics, docs/metrics.md, made from their definitions.

use super::GROUPS;
use super::family::{Family, MetricKind};

const HEAD: &str = "\
# Metrics of `observer agent`

This page is made from the program: `UPDATE_GOLDEN=1 cargo test -p observer --test exporter reference` writes it anew.

`GET /metrics` answers in the OpenMetrics 1.0 text format or in the Prometheus text format 0.0.4, as the `Accept` header prefers, compressed where `Accept-Encoding` takes gzip. Names are the same in both.

- A scrape never scans. What it shows of sockets is as of the last finished scan, whose time is `observer_scan_timestamp_seconds`; the text is made at most once a second.
- Every series that can be known in advance exists from the first scrape on, at 0.
- Label values are closed sets, unless the table says what bounds them. Names that come from other processes have their control, invisible and direction-changing characters spelled out.
- `unknown` as a verdict or health: a value that decides cannot be had on this host; `observer doctor` says why.
- Counters start at 0 with the agent.
";

/// The whole page.
#[must_use]
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for (title, families) in GROUPS {
        page += &format!("\n## {title}\n\n| metric | type | unit | meaning |\n|---|---|---|---|\n");
        for family in families {
            page += &row(family);
        }
        page += &labels(families);
    }
    page
}

fn row(family: &Family) -> String {
    let kind = match family.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
    };
    let unit = family.unit.as_ref().map_or("", |unit| unit.as_str());
    let names: Vec<_> = family.labels.iter().map(|(name, _)| *name).collect();
    let braced = if names.is_empty() {
        String::new()
    } else {
        format!("{{{}}}", names.join(","))
    };
    let name = family.sample_name();
    format!("| `{name}{braced}` | {kind} | {unit} | {} |\n", family.help)
}

/// Each label of the group once, unless families disagree on its values.
fn labels(families: &[Family]) -> String {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for label in families.iter().flat_map(|family| family.labels) {
        if !seen.contains(label) {
            seen.push(*label);
        }
    }
    if seen.is_empty() {
        return String::new();
    }
    let rows = seen
        .iter()
        .map(|(name, values)| format!("| `{name}` | {values} |\n"));
    format!(
        "\n| label | values |\n|---|---|\n{}",
        rows.collect::<String>()
    )
}
