//! Floors, and what stands on them.

use super::{grouped, known, rounds, table::Table};
use crate::bench::{
    floors::{Floor, Floors, WalkKind},
    stat::least,
};

const KINDS: [(WalkKind, &str); 4] = [
    (WalkKind::Empty, "empty walk"),
    (WalkKind::Touch, "touching walk"),
    (WalkKind::Summary, "the agent's summary"),
    (WalkKind::Scan, "full scan"),
];

pub(super) fn floors(floors: &Floors) -> String {
    let mut out = String::new();
    for floor in &floors.0 {
        let first = floor.measured.kinds.first();
        out.push_str(&format!(
            "{} sockets, {} processes, {}; others used {} % of one CPU; {} descriptors \
             of TCP sockets were touched, {} sockets summarized:\n\n{}\n",
            grouped(floor.sockets),
            floor.processes,
            rounds(first.map_or(0, |runs| runs.wall_ms.len())),
            known(Some(floor.others_percent), 1),
            grouped(floor.measured.touched),
            grouped(floor.measured.summarized),
            table(floor),
        ));
    }
    out
}

fn table(floor: &Floor) -> Table {
    let mut table = Table::new([
        "walk",
        "wall median ms",
        "min ms",
        "CPU median ms",
        "min ms",
        "CPU ns a socket",
        "wall to touching",
        "CPU to touching",
    ]);
    let sockets = floor.measured.touched as f64;
    for (kind, name) in KINDS {
        let (wall, cpu) = (floor.wall_ms(kind), floor.cpu_ms(kind));
        let to = |of: Option<f64>, touch: Option<f64>| Some(of? / touch?);
        let mut kinds = floor.measured.kinds.iter();
        let runs = kinds.find(|runs| runs.kind == kind);
        let cells = [
            known(wall, 1),
            known(runs.map(|runs| least(&runs.wall_ms)), 1),
            known(cpu, 1),
            known(runs.map(|runs| least(&runs.cpu_ms)), 1),
            known(cpu.map(|cpu_ms| cpu_ms * 1e6 / sockets), 0),
            known(to(wall, floor.wall_ms(WalkKind::Touch)), 2),
            known(to(cpu, floor.cpu_ms(WalkKind::Touch)), 2),
        ];
        table.row([name.to_owned()].into_iter().chain(cells));
    }
    table
}
