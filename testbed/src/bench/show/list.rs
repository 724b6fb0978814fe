//! `observer list` beside ss and netstat.

use super::{code, grouped, known, rounds, table::Table};
use crate::bench::{
    growth::exponent,
    list::{BASELINE, FEW, Faster, List, Point, Timings},
    stat::{least, median},
};

const SCAN: &str = "the bpf scan alone (`scan_ms`)";

pub(super) fn times(list: &List) -> String {
    let mut out = String::new();
    for point in &list.points {
        out.push_str(&format!("{}:\n\n{}\n", heading(point), point_table(point)));
    }
    let few: Vec<String> = list
        .few
        .iter()
        .map(|timings| {
            let took_ms = known(Some(timings.median(|run| run.took_ms)), 1);
            let rss_mib = known(timings.peak_rss_mib(), 1);
            format!("{} {took_ms} ms, {rss_mib} MiB", code(&timings.command))
        })
        .collect();
    let idle_ms = known(Some(list.idle.median(|run| run.took_ms)), 1);
    out.push_str(&format!(
        "With {FEW} sockets: {}. With none, the program's own file dropped from memory before each \
         run: {idle_ms} ms.\n",
        few.join("; ")
    ));
    out
}

fn heading(point: &Point) -> String {
    let baseline = point.timings(BASELINE);
    format!(
        "{} sockets, {} processes, {}; others used {} % of the CPUs",
        grouped(point.sockets),
        point.processes,
        rounds(baseline.map_or(0, |timings| timings.runs.len())),
        known(Some(point.others_percent), 1)
    )
}

fn point_table(point: &Point) -> Table {
    let in_pairs = format!("faster than `{BASELINE}`, in pairs");
    let mut table = Table::new([
        "whole process",
        "median ms",
        "min ms",
        "user ms",
        "system ms",
        "peak RSS MiB",
        &in_pairs,
        "at best",
    ]);
    for timings in &point.commands {
        let ratio = ratio(point.faster(&timings.took_ms()));
        let numbers = [
            timings.median(|run| run.took_ms),
            least(&timings.took_ms()),
            timings.median(|run| run.user_ms),
            timings.median(|run| run.system_ms),
        ];
        let numbers = numbers.map(|value| known(Some(value), 1));
        let rss_mib = known(timings.peak_rss_mib(), 1);
        let cells = [code(&timings.command)].into_iter().chain(numbers);
        table.row(cells.chain([rss_mib]).chain(ratio));
    }
    let scan_ms = &point.scan_ms;
    let numbers = [median(scan_ms.iter().copied()), least(scan_ms)];
    let numbers = numbers.map(|value| known(Some(value), 1));
    let blank = std::iter::repeat_n(String::new(), 3);
    let cells = [SCAN.to_owned()].into_iter().chain(numbers);
    table.row(cells.chain(blank).chain(ratio(point.faster(scan_ms))));
    table
}

/// Nothing for what did not run in every round.
fn ratio(faster: Option<Faster>) -> [String; 2] {
    faster.map_or_else(Default::default, |faster| {
        [faster.in_pairs, faster.at_best].map(|times| format!("{times:.1}x"))
    })
}

/// Every command, and the scan alone, with the medians of each number of sockets.
fn medians(list: &List) -> Vec<(String, Vec<(f64, f64)>)> {
    let Some(first) = list.points.first() else {
        return Vec::new();
    };
    let names = first
        .commands
        .iter()
        .map(|timings| timings.command.as_str());
    let mut all: Vec<_> = names
        .map(|name| {
            let of = |point: &Point| Some(point.timings(name)?.median(|run| run.took_ms));
            (code(name), at_points(list, of))
        })
        .collect();
    let scan = |point: &Point| Some(median(point.scan_ms.iter().copied()));
    all.push((SCAN.to_owned(), at_points(list, scan)));
    all
}

fn at_points(list: &List, of: impl Fn(&Point) -> Option<f64>) -> Vec<(f64, f64)> {
    let points = list.points.iter();
    points
        .map(|point| (point.sockets as f64, of(point).unwrap_or(f64::NAN)))
        .collect()
}

pub(super) fn growth(list: &List) -> String {
    let sockets = list.points.iter();
    let columns = sockets.map(|point| format!("{} sockets, ms", grouped(point.sockets)));
    let header = ["command".to_owned()].into_iter().chain(columns);
    let last = ["exponent", "of the last two"].map(str::to_owned);
    let mut table = Table::with_header(header.chain(last));
    for (name, points) in medians(list) {
        let last_two = points
            .get(points.len().saturating_sub(2)..)
            .unwrap_or_default();
        let exponents = [exponent(&points), exponent(last_two)];
        let times = points.iter().map(|(_, took_ms)| known(Some(*took_ms), 1));
        let exponents = exponents.map(|exponent| known(exponent, 2));
        table.row([name].into_iter().chain(times).chain(exponents));
    }
    table.to_string()
}

pub(super) fn phases(list: &List) -> String {
    let mut names: Vec<&str> = Vec::new();
    let all = || list.points.iter().flat_map(|point| &point.phases);
    for name in all().flat_map(|phases| phases.names()) {
        if !names.contains(&name) && name != "rest" {
            names.push(name);
        }
    }
    names.push("rest");
    let header = ["median ms"].into_iter().chain(names.iter().copied());
    let mut table = Table::with_header(header.map(str::to_owned));
    for point in &list.points {
        for phases in &point.phases {
            let name = format!("{}, `{}`", grouped(point.sockets), phases.command);
            let cells = names.iter().map(|name| match phases.median_ms(name) {
                Some(took_ms) => known(Some(took_ms), 1),
                // A phase that this way of scanning does not have.
                None => String::new(),
            });
            table.row([name].into_iter().chain(cells));
        }
    }
    table.to_string()
}

pub(super) fn memory(list: &List) -> String {
    let sockets = list.points.iter();
    let columns = sockets.map(|point| format!("{} sockets, MiB", grouped(point.sockets)));
    let few = format!("{FEW} sockets, MiB");
    let header = ["peak RSS".to_owned(), few].into_iter().chain(columns);
    let mut table = Table::with_header(header);
    let first = list.points.first();
    for timings in first.iter().flat_map(|point| &point.commands) {
        let command = &timings.command;
        let mut few = list.few.iter();
        let few = few.find(|timings| timings.command == *command);
        // Only observer is run with few.
        let few = few.map_or_else(String::new, |few| known(few.peak_rss_mib(), 1));
        let each = list.points.iter().map(|point| {
            let timings = point.timings(command);
            known(timings.and_then(Timings::peak_rss_mib), 1)
        });
        table.row([code(command), few].into_iter().chain(each));
    }
    table.to_string()
}
