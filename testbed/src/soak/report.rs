//! Prints what was found, for people or for machines.

use serde_json::{Value, json};

use super::{
    phases::Found,
    samples::{ALL, Quantity, row},
    trend::{Point, median, slope},
};
use crate::output::Output;

pub(super) fn print(output: Output, found: &Found) {
    match output {
        Output::Table => table(found),
        Output::Json => println!("{:#}", document(found)),
    }
}

/// A measure over the run: at its warm beginning, in the middle of all, at the end of the load, its
/// most, when the load was over, and how it rises.
struct Row {
    first: f64,
    median: f64,
    last: f64,
    most: f64,
    after: f64,
    a_minute: f64,
}

impl Row {
    fn of(points: &[Point], after: f64) -> Self {
        let values = || points.iter().map(|(_, value)| *value);
        Self {
            first: values().next().unwrap_or(f64::NAN),
            median: median(values()),
            last: values().next_back().unwrap_or(f64::NAN),
            most: values().reduce(f64::max).unwrap_or(f64::NAN),
            after,
            a_minute: slope(points) * 60.0,
        }
    }
}

fn rows(found: &Found) -> Vec<(&'static str, &'static str, Row)> {
    let measured = &found.measured;
    let of = |(what, name, unit)| {
        let points = row(&measured.samples, what);
        (name, unit, Row::of(&points, measured.after.get(what)))
    };
    ALL.into_iter().map(of).collect()
}

fn table(found: &Found) {
    let host = &found.host;
    println!(
        "{}, {} s on Linux {}, {} x {}, {} MiB{}; {}\n",
        host.observer,
        found.lasts.as_secs(),
        host.kernel,
        host.cpus,
        host.cpu,
        host.memory_mib,
        if host.guest { ", emulated" } else { "" },
        found.ways
    );
    let done: Vec<_> = found
        .done
        .iter()
        .map(|(name, done)| format!("{done} {name}"))
        .collect();
    println!("{}\n", done.join(", "));
    println!(
        "| under load, when warm | first | median | last | most | a minute | when it was over |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (name, unit, row) in rows(found) {
        let name = if unit.is_empty() {
            name.to_owned()
        } else {
            format!("{name}, {unit}")
        };
        let [first, median, last, most, after] =
            [row.first, row.median, row.last, row.most, row.after].map(short);
        let a_minute = signed(row.a_minute);
        println!("| {name} | {first} | {median} | {last} | {most} | {a_minute} | {after} |");
    }
    println!("\n| bound | found | allowed | |\n|---|---:|---:|---|");
    for bound in &found.bounds {
        let verdict = if bound.holds { "holds" } else { "**broken**" };
        println!(
            "| {} | {} | {} | {verdict} |",
            bound.name, bound.found, bound.allowed
        );
    }
}

/// Decimals only where they matter.
fn short(value: f64) -> String {
    match value {
        _ if value.is_nan() => "?".to_owned(),
        _ if value.fract() == 0.0 || value.abs() >= 100.0 => format!("{value:.0}"),
        _ => format!("{value:.1}"),
    }
}

fn signed(value: f64) -> String {
    match value {
        _ if value.is_nan() => "?".to_owned(),
        _ if value.abs() < 0.05 => "0".to_owned(),
        _ => format!("{value:+.1}"),
    }
}

fn document(found: &Found) -> Value {
    let host = &found.host;
    let rows = rows(found).into_iter().map(|(name, unit, row)| {
        json!({
            "name": name, "unit": unit, "first": row.first, "median": row.median, "last": row.last,
            "most": row.most, "slope_per_minute": row.a_minute, "after": row.after,
        })
    });
    let bounds = found.bounds.iter().map(|bound| {
        json!({
            "name": bound.name, "found": bound.found, "allowed": bound.allowed,
            "holds": bound.holds,
        })
    });
    let done = found
        .done
        .iter()
        .map(|(name, done)| ((*name).to_owned(), json!(done)));
    json!({
        "host": {
            "kernel": host.kernel, "cpu": host.cpu, "cpus": host.cpus,
            "memory_mib": host.memory_mib, "guest": host.guest, "observer": host.observer,
        },
        "seconds": found.lasts.as_secs(),
        "ways": found.ways,
        "done": done.collect::<serde_json::Map<_, _>>(),
        "anonymous_kib": row(&found.measured.samples, Quantity::Anonymous),
        "rows": rows.collect::<Value>(),
        "bounds": bounds.collect::<Value>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_what_its_points_are() {
        let points: Vec<Point> = (0..5)
            .map(|at| (f64::from(at), f64::from(2 * at)))
            .collect();
        let row = Row::of(&points, 1.0);
        assert_eq!(
            (row.first, row.median, row.last, row.most),
            (0.0, 4.0, 8.0, 8.0)
        );
        assert_eq!((row.a_minute, row.after), (120.0, 1.0));
    }

    #[test]
    fn numbers_are_short_and_what_is_unknown_is_said() {
        let shown = [1.0, 1.25, 123.4, f64::NAN].map(short);
        assert_eq!(shown, ["1", "1.2", "123", "?"]);
        assert_eq!([0.01, -2.0, f64::NAN].map(signed), ["0", "-2.0", "?"]);
    }
}
