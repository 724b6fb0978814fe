//! CPU time and memory of an agent that nobody asks much, beside `ss -tnop` each interval.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    Bench,
    danger::{Danger, PATH_FLAG},
    exposition::LookTimes,
    goal::Goal,
    running::Agent,
    usage::Usage,
};
use crate::bench::holders::Holders;

/// How much less CPU time than ss.
const LEAST_RATIO: f64 = 25.0;
const MOST_MIB: f64 = 64.0;
const MOST_MIB_IDLE: f64 = 24.0;
/// So often the idle host's agent looks.
const IDLE_LOOKS: u32 = 3;

struct Cost {
    name: &'static str,
    sockets: f64,
    agent_s: f64,
    ss_s: f64,
    ss_runs: u32,
    looks: usize,
    usage: Usage,
}

pub(super) fn measure(bench: &Bench<'_>) -> Result<Vec<Goal>> {
    let args = bench.args;
    eprintln!("xtask: cost on an idle host");
    let idle = idle(bench)?;
    eprintln!("xtask: cost, all sockets calm");
    let holders = Holders::start(args.sockets, args.processes)?;
    let calm = cost(bench, "all calm", &[])?;
    drop(holders);
    eprintln!("xtask: cost, some sockets in danger");
    let danger = Danger::start(args.danger)?;
    let holders = Holders::start(args.sockets, args.processes)?;
    let endangered = cost(bench, "some in danger", &PATH_FLAG)?;
    drop((holders, danger));

    println!(
        "\n### Cost\n\n{} s each at an interval of {} s\n",
        args.seconds, args.interval
    );
    println!(
        "| sockets | agent CPU s | looks | `ss -tnop` CPU s | runs | times less | RSS MiB | peak MiB |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let mut goals = vec![Goal::at_most(
        "peak RSS, idle host",
        idle.peak_mib(),
        MOST_MIB_IDLE,
        "MiB",
    )];
    for cost in [&calm, &endangered] {
        let ratio = cost.ss_s / cost.agent_s;
        println!(
            "| {} {} | {:.2} | {} | {:.2} | {} | {ratio:.1} | {:.1} | {:.1} |",
            cost.sockets,
            cost.name,
            cost.agent_s,
            cost.looks,
            cost.ss_s,
            cost.ss_runs,
            cost.usage.rss_mib(),
            cost.usage.peak_mib(),
        );
        goals.push(Goal::at_least(
            format!("CPU time less than ss, {}", cost.name),
            ratio,
            LEAST_RATIO,
            "times",
        ));
        let peak_mib = cost.usage.peak_mib();
        goals.push(Goal::at_most(
            format!("peak RSS, {}", cost.name),
            peak_mib,
            MOST_MIB,
            "MiB",
        ));
    }
    println!(
        "| idle host | | | | | | {:.1} | {:.1} |",
        idle.rss_mib(),
        idle.peak_mib()
    );
    Ok(goals)
}

fn idle(bench: &Bench<'_>) -> Result<Usage> {
    let mut setup = bench.setup(&[]);
    setup.interval = Duration::from_secs(1);
    let agent = Agent::start(&setup)?;
    sleep(setup.interval * IDLE_LOOKS);
    agent.metrics()?;
    agent.usage()
}

/// Both at once, so that what disturbs one disturbs the other.
fn cost(bench: &Bench<'_>, name: &'static str, flags: &[&str]) -> Result<Cost> {
    let lasts = Duration::from_secs(bench.args.seconds);
    let agent = Agent::start(&bench.setup(flags))?;
    if !flags.is_empty() {
        agent.wait_for_danger()?;
    }
    let (before, began) = (agent.usage()?, Instant::now());
    let mut looks = LookTimes::default();
    let mut cost = Cost {
        name,
        sockets: f64::NAN,
        agent_s: f64::NAN,
        ss_s: 0.0,
        ss_runs: 0,
        looks: 0,
        usage: before,
    };
    while began.elapsed() < lasts {
        let metrics = agent.metrics()?;
        looks.see(&metrics);
        cost.sockets = metrics.value("observer_scan_sockets");
        let (run, _) = bench.scratch.run(&["ss", "-tnop"])?;
        cost.ss_s += (run.user_ms + run.system_ms) / 1000.0;
        cost.ss_runs += 1;
        let next = bench.args.interval() * cost.ss_runs;
        sleep(next.min(lasts).saturating_sub(began.elapsed()));
    }
    looks.see(&agent.metrics()?);
    cost.looks = looks.count();
    cost.usage = agent.usage()?;
    cost.agent_s = cost.usage.cpu_s - before.cpu_s;
    for warning in agent.warnings() {
        eprintln!("{warning}");
    }
    Ok(cost)
}
