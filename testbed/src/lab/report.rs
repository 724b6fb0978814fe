//! Table and JSON of the predictions that came true and of those that did not.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    Forgotten,
    observations::{Keepalive, Moments, Sample},
    plan::Plan,
    row::Row,
    run::LabRun,
};

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
}

pub(super) fn print(output: Output, plan: &Plan, run: &LabRun, left_out: &[(&str, String)]) {
    match output {
        Output::Table => print!("{}", table(plan, run, left_out)),
        Output::Json => println!("{:#}", document(plan, run, left_out)),
    }
}

/// Number of false rows, each of which is logged on stderr with its reason.
pub(super) fn report_false(rows: &[Row]) -> usize {
    let mut count = 0;
    for row in rows {
        if let Err(why) = row.judged() {
            eprintln!("testbed: {}: did not come true: {why}", row.name);
            count += 1;
        }
    }
    count
}

const UNKNOWN: &str = "?";

/// Column titles and widths; a minus is what is aligned to the left.
const COLUMNS: [(&str, i8); 10] = [
    ("CLIENT", -25),
    ("KEEPALIVE", -10),
    ("VERDICT", -11),
    ("HEALTH", -13),
    ("LEFT", 6),
    ("OFF BY", 7),
    ("REASONS", -21),
    ("HAPPENED", -8),
    ("AFTER", 6),
    ("TRUE", -4),
];

fn table(plan: &Plan, run: &LabRun, left_out: &[(&str, String)]) -> String {
    let does = match plan.forgotten {
        Forgotten::Drop => "drops what it has forgotten",
        Forgotten::Reset => "resets the sender of what it has forgotten",
    };
    let mut text = format!(
        "The middlebox forgets after {} s and {does}. Answers come after {} s.\n",
        plan.limit_s,
        plan.silence().as_secs()
    );
    if plan.observer_limit_s != plan.limit_s {
        let _ = writeln!(text, "observer was given {} s.", plan.observer_limit_s);
    }
    text.push('\n');
    text.push_str(&line(COLUMNS.map(|(title, _)| title.to_owned())));
    for row in &run.rows {
        text.push_str(&line(cells(row)));
    }
    text.push('\n');
    for row in &run.rows {
        for note in row.notes() {
            let _ = writeln!(text, "{}: {note}", row.name);
        }
    }
    for (name, lack) in left_out {
        let _ = writeln!(text, "{name}: left out: {lack}");
    }
    if !run.table_is_read {
        text.push_str("OFF BY is unknown: this kernel does not show the middlebox's table\n");
    }
    let came_true = run.rows.iter().filter(|row| row.judged().is_ok());
    let _ = writeln!(
        text,
        "{} of {} came true, in {:.1} s",
        came_true.count(),
        run.rows.len(),
        run.took.as_secs_f64()
    );
    text
}

fn line(cells: [String; COLUMNS.len()]) -> String {
    let mut line = String::new();
    for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
        let wide = usize::from(width.unsigned_abs());
        let _ = if width < 0 {
            write!(line, "{cell:<wide$} ")
        } else {
            write!(line, "{cell:>wide$} ")
        };
    }
    format!("{}\n", line.trim_end())
}

fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let half = row.moments.as_ref().map(|moments| &moments.half);
    let text = |value: Option<String>| value.unwrap_or_else(|| UNKNOWN.to_owned());
    let is_true = if row.judged().is_ok() { "yes" } else { "NO" };
    [
        row.name.to_owned(),
        text(half.map(|half| keepalive(&half.keepalive))),
        text(half.and_then(|half| half.verdict.clone())),
        health(row),
        text(half.map(left)),
        row.off_by_s()
            .map_or("-".to_owned(), |s| format!("{s:+.2}s")),
        text(half.map(reasons)),
        row.outcome.end.name().to_owned(),
        text(row.after_s().map(|s| format!("{s:.1}s"))),
        is_true.to_owned(),
    ]
}

/// Before and after the limit.
fn health(row: &Row) -> String {
    let (before, after) = row.health();
    let [before, after] = [before, after].map(|health| health.unwrap_or(UNKNOWN));
    if before == after {
        before.to_owned()
    } else {
        format!("{before}>{after}")
    }
}

/// `idle/interval/probes`, or `off`.
fn keepalive(keepalive: &Keepalive) -> String {
    let number = |number: Option<u64>| number.map_or(UNKNOWN.to_owned(), |it| it.to_string());
    match keepalive.enabled {
        None => UNKNOWN.to_owned(),
        Some(false) => "off".to_owned(),
        Some(true) => format!(
            "{}/{}/{}",
            number(keepalive.idle_s),
            number(keepalive.interval_s),
            number(keepalive.probes)
        ),
    }
}

/// Time until the path forgets it, where nothing keeps it.
fn left(sample: &Sample) -> String {
    match (sample.verdict.as_deref(), sample.left_s()) {
        (Some("protected" | "exempt"), _) => "-".to_owned(),
        (_, Some(left_s)) => format!("{left_s:.1}s"),
        (_, None) => UNKNOWN.to_owned(),
    }
}

/// First reason, without what the column of settings shows, and the number of others.
fn reasons(sample: &Sample) -> String {
    let reasons: Vec<&str> = sample.reasons.iter().map(String::as_str).collect();
    match reasons[..] {
        [] => "-".to_owned(),
        [reason] | ["off", reason] => reason.to_owned(),
        ["off", reason, ref more @ ..] | [reason, ref more @ ..] => {
            format!("{reason} +{}", more.len())
        }
    }
}

fn document(plan: &Plan, run: &LabRun, left_out: &[(&str, String)]) -> Value {
    json!({
        "version": 1,
        "limit_s": plan.limit_s,
        "told_s": plan.observer_limit_s,
        "on_forgotten": match plan.forgotten {
            Forgotten::Drop => "drop",
            Forgotten::Reset => "reset",
        },
        "answer_after_s": plan.silence().as_secs_f64(),
        "took_s": run.took.as_secs_f64(),
        "rows": run.rows.iter().map(row).collect::<Vec<_>>(),
        "left_out": left_out
            .iter()
            .map(|(client, why)| json!({ "client": client, "why": why }))
            .collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    let judged = row.judged();
    let moments = row.moments.as_ref();
    let half = moments.map(|moments| &moments.half);
    let health = |sample: Option<&Sample>| sample.map(|sample| sample.health.clone());
    json!({
        "client": row.name,
        "came_true": judged.is_ok(),
        "why_not": judged.err(),
        "keepalive": half.map(|half| keepalive_value(&half.keepalive)),
        "verdict": half.map(|half| &half.verdict),
        "reasons": half.map(|half| &half.reasons),
        "health": {
            "half": health(half),
            "before": health(moments.map(|moments| &moments.before)),
            "after": health(moments.and_then(|moments| moments.after.as_ref())),
        },
        "watched": row.changes.iter().map(|change| &change.health).collect::<Vec<_>>(),
        "quiet_s": half.map(|half| half.quiet_s),
        "left_s": half.and_then(Sample::left_s),
        "off_by_s": row.off_by_s(),
        "happened": row.outcome.end.name(),
        "after_s": row.after_s(),
        "forgotten_after_s": moments.and_then(|moments| forgotten_after_s(row, moments)),
        "connections": row.connections,
        "notes": row.notes(),
    })
}

/// Time from the last byte before the silence to the first reading at which the middlebox had
/// forgotten it.
fn forgotten_after_s(row: &Row, moments: &Moments) -> Option<f64> {
    let gone_s = row.outcome.forgotten_s()?;
    Some(gone_s - moments.half.data_at_s())
}

fn keepalive_value(keepalive: &Keepalive) -> Value {
    json!({
        "enabled": keepalive.enabled,
        "idle_s": keepalive.idle_s,
        "interval_s": keepalive.interval_s,
        "probes": keepalive.probes,
        "detect_s": keepalive.detect_s,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lab::{
        conntrack::Entry,
        judge::{End, Outcome},
        observations::{Change, tests::silent},
    };

    fn hung() -> Row {
        let change = |at_s, health: &str| Change {
            at_s,
            health: health.to_owned(),
        };
        Row {
            name: "requests, values only",
            moments: Some(Moments {
                half: Sample {
                    reasons: vec!["off".to_owned(), "values-without-switch".to_owned()],
                    ..silent(2.5, "at-risk")
                },
                before: silent(4.8, "at-risk"),
                after: Some(silent(5.2, "stale")),
            }),
            changes: vec![change(3.5, "at-risk"), change(6.0, "stale")],
            outcome: Outcome {
                end: End::Hung,
                ended_s: 19.0,
                entry: Some(Entry {
                    last_seen_s: 5.95,
                    gone_s: Some(6.05),
                }),
            },
            connections: 1,
            last_error: None,
        }
    }

    fn lab_run(rows: Vec<Row>) -> LabRun {
        LabRun {
            rows,
            took: Duration::from_secs(22),
            table_is_read: true,
        }
    }

    #[test]
    fn a_row_of_the_table() {
        let text = table(
            &Plan::of(5),
            &lab_run(vec![hung()]),
            &[("node", "no node".to_owned())],
        );
        let row = "requests, values only     off        unprotected at-risk>stale   2.5s  +0.00s \
                   values-without-switch hung      18.0s yes\n";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("node: left out: no node\n"), "{text}");
        assert!(text.ends_with("1 of 1 came true, in 22.0 s\n"), "{text}");
    }

    #[test]
    fn the_widest_row_fits_a_terminal() {
        let widths = COLUMNS
            .iter()
            .map(|(_, width)| usize::from(width.unsigned_abs()));
        assert!(widths.sum::<usize>() + COLUMNS.len() - 1 <= 120);
        for client in crate::lab::clients::CLIENTS {
            assert!(client.name.len() <= 25, "{}", client.name);
        }
    }

    #[test]
    fn a_false_row_is_reported() {
        let mut answered = hung();
        answered.outcome.end = End::Answered;
        assert_eq!(report_false(&[hung(), answered]), 1);
    }

    #[test]
    fn a_list_that_contradicts_watch_is_false() {
        let mut kept = hung();
        kept.changes.clear();
        kept.outcome = Outcome {
            end: End::Answered,
            ended_s: 13.0,
            entry: Some(Entry {
                last_seen_s: 12.9,
                gone_s: None,
            }),
        };
        assert!(kept.judged().unwrap_err().contains("watch never did"));
        assert_eq!(health(&kept), "at-risk>stale");
    }

    #[test]
    fn a_row_without_a_sample_is_false_and_unknown() {
        let unseen = Row {
            moments: None,
            changes: Vec::new(),
            last_error: Some("no route".to_owned()),
            ..hung()
        };
        assert!(unseen.judged().unwrap_err().contains("no route"));
        let value = row(&unseen);
        for field in ["verdict", "left_s", "off_by_s", "after_s", "keepalive"] {
            assert_eq!(value[field], Value::Null, "{field}");
        }
        assert_eq!(cells(&unseen)[1], UNKNOWN);
    }

    #[test]
    fn a_document_has_the_row() {
        let document = document(&Plan::of(5), &lab_run(vec![hung()]), &[]);
        let row = &document["rows"][0];
        assert_eq!(row["came_true"], true);
        assert_eq!(row["health"]["after"], "stale");
        assert_eq!(row["watched"], json!(["at-risk", "stale"]));
        assert_eq!(row["happened"], "hung");
    }
}
