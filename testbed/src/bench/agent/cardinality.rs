//! Series of a host with many workloads and many remotes, while workloads come and go.

use std::{net::Ipv4Addr, thread::sleep, time::Duration};

use anyhow::Result;

use super::{
    bench::Bench,
    danger::{Danger, PATH_FLAG},
    exposition::SweepTimes,
    goal::Goal,
    running::Agent,
};
use crate::bench::holders::{HoldArgs, Holders};

const WORKLOADS: u8 = 200;
/// Addresses that each workload connects to, none in common.
const REMOTES: u32 = 15;
/// The default of `agent.workload_limit`.
const LIMIT: usize = 50;
const ROUNDS: u8 = 4;
const INTERVAL: Duration = Duration::from_secs(2);

/// As docs/fleet.md has it.
const fn documented(workload_limit: usize) -> usize {
    148 + 5 * (workload_limit + 1)
}

pub(super) fn measure(bench: &Bench<'_>) -> Result<Vec<Goal>> {
    eprintln!("testbed: cardinality");
    let connections = bench.args.load_sockets / 2 / usize::from(WORKLOADS);
    let start = |round: u8, from: u8, to: u8| {
        let all: Vec<_> = (from..to)
            .map(|number| HoldArgs {
                remotes: REMOTES,
                comm: Some(format!("work-{round}-{number}")),
                ..HoldArgs::new(connections, Ipv4Addr::new(127, 78 + round, number, 1))
            })
            .collect();
        Holders::start_all(&all)
    };
    let mut holders = start(0, 0, WORKLOADS)?;
    let danger = Danger::start(bench.args.danger)?;
    let mut setup = bench.setup(&PATH_FLAG);
    setup.agent = "workload = \"comm\"".to_owned();
    setup.interval = INTERVAL;
    let agent = Agent::start(&setup)?;
    agent.wait_for_danger()?;
    let mut sweeps = SweepTimes::default();
    println!("\n### Cardinality\n");
    println!(
        "| workloads | sockets | series | of workloads | RSS MiB |\n|---|---:|---:|---:|---:|"
    );
    let mut counts = Vec::new();
    for round in 0..=ROUNDS {
        if round > 0 {
            let half = WORKLOADS / 2;
            holders.end(usize::from(half));
            holders.add(start(round, 0, half)?);
        }
        sleep(INTERVAL * 2);
        let metrics = agent.metrics()?;
        sweeps.see(&metrics);
        counts.push(metrics.series());
        let others = metrics.sum("observer_workload_sockets", "workload=\"other\"");
        println!(
            "| {} | {} ({others} of others) | {} | {} | {:.1} |",
            if round == 0 {
                "200"
            } else {
                "half of them anew"
            },
            metrics.value("observer_scan_sockets"),
            metrics.series(),
            metrics.series_of("observer_workload_sockets"),
            agent.usage()?.rss_mib()
        );
    }
    drop((agent, holders, danger));
    let least = counts.iter().copied().min().unwrap_or(0);
    let most = counts.iter().copied().max().unwrap_or(0);
    Ok(vec![
        Goal::exactly(
            "sweeps while workloads come and go",
            sweeps.count(),
            ROUNDS.into(),
        ),
        Goal::exactly("series, at least", least, documented(LIMIT)),
        Goal::exactly("series, at most", most, documented(LIMIT)),
    ])
}
