//! Tables of the cost of attached tools.

use super::{code, grouped, known, rounds, table::Table};
use crate::bench::{
    attached::{Absent, NONE},
    churn::Churn,
    hooks::{Cost, Hooks},
    stat::median,
};

pub(super) fn hooks(hooks: &Hooks) -> String {
    let mut table = Table::new([
        "attached",
        "connect and close µs",
        "against none",
        "getppid ns",
        "against none",
    ]);
    let none = hooks.tools.iter().find(|cost| cost.name == NONE);
    for cost in &hooks.tools {
        let against = |of: fn(&Cost) -> &[f64]| more(of(cost), none.map(of), &cost.name);
        let connection_ns = median(cost.connection_ns.iter().copied());
        table.row([
            name(&cost.name),
            known(Some(connection_ns / 1000.0), 1),
            against(|cost| &cost.connection_ns),
            known(Some(median(cost.call_ns.iter().copied())), 1),
            against(|cost| &cost.call_ns),
        ]);
    }
    format!(
        "{} of {} connections and {} system calls:\n\n{table}{}",
        rounds(none.map_or(0, |none| none.connection_ns.len())),
        grouped(hooks.connections),
        grouped(hooks.calls),
        absent(&hooks.absent)
    )
}

/// The median of the rounds' ratios to nothing attached, as what came on top.
fn more(values: &[f64], none: Option<&[f64]>, name: &str) -> String {
    let Some(none) = none.filter(|_| name != NONE) else {
        return String::new();
    };
    let ratios = values.iter().zip(none).map(|(value, none)| value / none);
    format!("{:+.1} %", (median(ratios) - 1.0) * 100.0)
}

fn name(tool: &str) -> String {
    if tool == NONE {
        tool.to_owned()
    } else {
        code(tool)
    }
}

fn absent(absent: &[Absent]) -> String {
    let lines = absent.iter().map(|absent| {
        format!(
            "\nNot measured: {}: {}.\n",
            code(&absent.name),
            absent.why.trim_end_matches('.')
        )
    });
    lines.collect()
}

pub(super) fn programs(hooks: &Hooks) -> String {
    let mut table = Table::new(["program", "runs", "ns a run"]);
    for program in &hooks.programs {
        table.row([
            code(&program.name),
            grouped(program.runs),
            known(Some(program.ns_a_run), 0),
        ]);
    }
    table.to_string()
}

pub(super) fn churn(churn: &Churn) -> String {
    let mut table = Table::new([
        "attached",
        "connections a second",
        "against none",
        "CPU of the tool, % of one",
    ]);
    let none = churn.tools.iter().find(|rates| rates.name == NONE);
    for rates in &churn.tools {
        let none = none.map(|none| none.a_second.as_slice());
        let a_second = median(rates.a_second.iter().copied());
        let cpu = rates.cpu_percent.iter().copied();
        table.row([
            name(&rates.name),
            grouped(format!("{a_second:.0}")),
            more(&rates.a_second, none, &rates.name),
            if rates.cpu_percent.is_empty() {
                String::new()
            } else {
                known(Some(median(cpu)), 1)
            },
        ]);
    }
    format!(
        "{} of {} s each, {} threads:\n\n{table}{}",
        rounds(none.map_or(0, |none| none.a_second.len())),
        churn.seconds,
        churn.threads,
        absent(&churn.absent)
    )
}
