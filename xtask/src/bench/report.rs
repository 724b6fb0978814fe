//! Prints what was measured, for people or for machines.

use serde_json::{Value, json};

use super::{
    goals::{Goal, Limit, mib},
    list::{BASELINE, FEW, Faster, JSON, Measured, Phases, Timings, least, median},
};

#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

pub(super) fn print(output: Output, measured: &Measured, goals: &[Goal]) {
    match output {
        Output::Table => table(measured, goals),
        Output::Json => println!("{:#}", document(measured, goals)),
    }
}

fn table(measured: &Measured, goals: &[Goal]) {
    let host = &measured.host;
    println!(
        "{} beside {}",
        host.observer,
        host.ss.trim_end_matches(", ")
    );
    println!(
        "Linux {}, {} x {}, {} MiB{}",
        host.kernel,
        host.cpus,
        host.cpu,
        host.memory_mib,
        if host.guest { ", emulated" } else { "" }
    );
    println!(
        "{} sockets, {} processes, {} rounds; others used {:.1} % of the CPUs meanwhile\n",
        measured.sockets, measured.processes, measured.rounds, measured.others_percent
    );
    println!("{:>83}", format!("faster than {BASELINE}"));
    println!(
        "{:<34}  median     min    user  system   RSS   in pairs  at best",
        "whole process"
    );
    println!("{:<34}      ms      ms      ms      ms   MiB", "");
    for timings in &measured.many {
        let ratio = measured.faster(&timings.took_ms());
        println!("{}{}", row(timings), times(ratio));
    }
    let scan_ms = &measured.scan_ms;
    println!(
        "{:<34} {:>7.1} {:>7.1} {:>21}{}",
        "the bpf scan alone (scan_ms)",
        median(scan_ms.clone()),
        least(scan_ms),
        "",
        times(measured.faster(scan_ms))
    );
    println!("\nwith {FEW} sockets");
    for timings in &measured.few {
        println!("{}", row(timings));
    }
    println!("\nwith no sockets, the program not in memory");
    println!("{}", row(&measured.idle));
    println!("\nphases, median ms");
    for phases in &measured.phases {
        println!("{}", phases_row(phases));
    }
    println!();
    for goal in goals {
        let outcome = if goal.met() { "met" } else { "MISSED" };
        println!("{outcome:<7} {:<62} {}", goal.name, against(goal));
    }
}

fn row(timings: &Timings) -> String {
    format!(
        "{:<34} {:>7.1} {:>7.1} {:>7.1} {:>7.1} {:>5.1}",
        timings.command,
        timings.median(|run| run.took_ms),
        least(&timings.took_ms()),
        timings.median(|run| run.user_ms),
        timings.median(|run| run.system_ms),
        mib(timings.peak_rss_kib())
    )
}

fn times(ratio: Option<Faster>) -> String {
    ratio.map_or_else(String::new, |ratio| {
        format!(" {:>9.1}x {:>7.1}x", ratio.in_pairs, ratio.at_best)
    })
}

fn phases_row(phases: &Phases) -> String {
    let split: Vec<_> = phases
        .median_ms
        .iter()
        .map(|(name, took_ms)| format!("{name} {took_ms:.1}"))
        .collect();
    format!("{:<34} {}", phases.command, split.join(", "))
}

fn against(goal: &Goal) -> String {
    let measured = goal.measured;
    match goal.limit {
        Limit::AtLeastTimes(least) => format!("{measured:.1}x, at least {least}x"),
        Limit::AtMostMib(most) => format!("{measured:.1} MiB, at most {most}"),
        Limit::UnderMs(bound) => format!("{measured:.1} ms, under {bound}"),
    }
}

fn document(measured: &Measured, goals: &[Goal]) -> Value {
    let host = &measured.host;
    let timings = |all: &[Timings]| -> Value { all.iter().map(one_command).collect() };
    let phases = measured.phases.iter().map(|phases| {
        let median_ms: serde_json::Map<_, _> = phases
            .median_ms
            .iter()
            .map(|(name, took_ms)| (name.clone(), json!(took_ms)))
            .collect();
        json!({ "command": phases.command, "median_ms": median_ms })
    });
    let goals = goals.iter().map(|goal| {
        let (unit, limit) = match goal.limit {
            Limit::AtLeastTimes(least) => ("at_least_times", least),
            Limit::AtMostMib(most) => ("at_most_mib", most),
            Limit::UnderMs(bound) => ("under_ms", bound),
        };
        json!({ "name": goal.name, "measured": goal.measured, unit: limit, "met": goal.met() })
    });
    json!({
        "host": {
            "kernel": host.kernel,
            "cpu": host.cpu,
            "cpus": host.cpus,
            "memory_mib": host.memory_mib,
            "guest": host.guest,
            "ss": host.ss,
            "observer": host.observer,
        },
        "sockets": measured.sockets,
        "processes": measured.processes,
        "rounds": measured.rounds,
        "others_percent": measured.others_percent,
        "idle": one_command(&measured.idle),
        "few": timings(&measured.few),
        "many": timings(&measured.many),
        "scan_ms": { "command": JSON, "runs": measured.scan_ms },
        "phases": phases.collect::<Value>(),
        "goals": goals.collect::<Value>(),
    })
}

fn one_command(timings: &Timings) -> Value {
    let runs = timings.runs.iter().map(|run| {
        json!({
            "took_ms": run.took_ms,
            "user_ms": run.user_ms,
            "system_ms": run.system_ms,
            "peak_rss_kib": run.peak_rss_kib,
            "lines": run.lines,
        })
    });
    json!({ "command": timings.command, "runs": runs.collect::<Value>() })
}
