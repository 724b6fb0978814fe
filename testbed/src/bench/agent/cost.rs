//! CPU time and memory of an agent that nobody asks much, beside `ss -tnop` each interval.

use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{
    bench::{AgentArgs, Bench},
    danger::{Danger, PATH_FLAG},
    exposition::SweepTimes,
    goal::Goal,
    running::Agent,
    usage::Usage,
};
use crate::bench::{holders::Holders, plan, run::Scratch, stat::rounded};

/// Least ratio of ss's CPU time to the agent's.
pub(in crate::bench) const LEAST_RATIO: f64 = 25.0;
pub(in crate::bench) const MOST_MIB: f64 = 64.0;
pub(in crate::bench) const MOST_MIB_IDLE: f64 = 24.0;
/// Number of the idle host's sweeps.
const IDLE_SWEEPS: u32 = 3;

/// The names of the two costs.
pub(in crate::bench) const HEALTHY: &str = "all healthy";
pub(in crate::bench) const IN_DANGER: &str = "some in danger";

/// Costs of an agent with few requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::bench) struct Steady {
    /// Duration of each measurement.
    pub(in crate::bench) seconds: u64,
    /// Time from one sweep to the next, and from one ss to the next.
    pub(in crate::bench) interval_s: u64,
    pub(in crate::bench) idle_rss_mib: f64,
    pub(in crate::bench) idle_peak_mib: f64,
    pub(in crate::bench) costs: Vec<Cost>,
}

/// Over the same sockets in the same time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::bench) struct Cost {
    pub(in crate::bench) name: String,
    pub(in crate::bench) sockets: f64,
    pub(in crate::bench) agent_s: f64,
    #[serde(rename = "looks")]
    pub(in crate::bench) sweeps: usize,
    pub(in crate::bench) ss_s: f64,
    pub(in crate::bench) ss_runs: u32,
    pub(in crate::bench) rss_mib: f64,
    pub(in crate::bench) peak_mib: f64,
}

impl Cost {
    /// Ratio of ss's CPU time to the agent's.
    pub(in crate::bench) fn times_less(&self) -> f64 {
        self.ss_s / self.agent_s
    }
}

/// For the whole benchmark, which prints and judges by itself.
pub(in crate::bench) fn steady(plan: &plan::Agent, observer: &Path) -> Result<Steady> {
    let args = AgentArgs {
        sockets: plan.sockets,
        danger: plan.danger,
        interval: plan.interval_s,
        seconds: plan.seconds,
        ..AgentArgs::defaults()
    };
    let scratch = Scratch::new()?;
    measure(&Bench {
        args: &args,
        observer,
        scratch,
    })
}

pub(super) fn measure(bench: &Bench<'_>) -> Result<Steady> {
    let args = bench.args;
    eprintln!("testbed: cost on an idle host");
    let idle = idle(bench)?;
    eprintln!("testbed: cost, all sockets healthy");
    let holders = Holders::start(args.sockets, args.processes)?;
    let mut costs = vec![cost(bench, HEALTHY, &[])?];
    drop(holders);
    if args.danger > 0 {
        eprintln!("testbed: cost, some sockets in danger");
        let danger = Danger::start(args.danger)?;
        let holders = Holders::start(args.sockets, args.processes)?;
        costs.push(cost(bench, IN_DANGER, &PATH_FLAG)?);
        drop((holders, danger));
    }
    Ok(Steady {
        seconds: args.seconds,
        interval_s: args.interval,
        idle_rss_mib: rounded(idle.rss_mib()),
        idle_peak_mib: rounded(idle.peak_mib()),
        costs,
    })
}

pub(super) fn goals(steady: &Steady) -> Vec<Goal> {
    let mut goals = vec![Goal::at_most(
        "peak RSS, idle host",
        steady.idle_peak_mib,
        MOST_MIB_IDLE,
        "MiB",
    )];
    for cost in &steady.costs {
        goals.push(Goal::at_least(
            format!("CPU time less than ss, {}", cost.name),
            cost.times_less(),
            LEAST_RATIO,
            "times",
        ));
        goals.push(Goal::at_most(
            format!("peak RSS, {}", cost.name),
            cost.peak_mib,
            MOST_MIB,
            "MiB",
        ));
    }
    goals
}

fn idle(bench: &Bench<'_>) -> Result<Usage> {
    let mut setup = bench.setup(&[]);
    setup.interval = Duration::from_secs(1);
    let agent = Agent::start(&setup)?;
    sleep(setup.interval * IDLE_SWEEPS);
    agent.metrics()?;
    agent.usage()
}

/// Both at once, so that what disturbs one disturbs the other.
fn cost(bench: &Bench<'_>, name: &str, flags: &[&str]) -> Result<Cost> {
    let lasts = Duration::from_secs(bench.args.seconds);
    let agent = Agent::start(&bench.setup(flags))?;
    if !flags.is_empty() {
        agent.wait_for_danger()?;
    }
    let (before, began) = (agent.usage()?, Instant::now());
    let mut sweeps = SweepTimes::default();
    let (mut ss_s, mut ss_runs) = (0.0, 0);
    while began.elapsed() < lasts {
        sweeps.see(&agent.metrics()?);
        let (run, _) = bench.scratch.run(&["ss", "-tnop"])?;
        ss_s += (run.user_ms + run.system_ms) / 1000.0;
        ss_runs += 1;
        let next = bench.args.interval() * ss_runs;
        sleep(next.min(lasts).saturating_sub(began.elapsed()));
    }
    let metrics = agent.metrics()?;
    sweeps.see(&metrics);
    let usage = agent.usage()?;
    for warning in agent.warnings() {
        eprintln!("{warning}");
    }
    Ok(Cost {
        name: name.to_owned(),
        sockets: metrics.value("observer_scan_sockets"),
        agent_s: rounded(usage.cpu_s - before.cpu_s),
        sweeps: sweeps.count(),
        ss_s: rounded(ss_s),
        ss_runs,
        rss_mib: rounded(usage.rss_mib()),
        peak_mib: rounded(usage.peak_mib()),
    })
}
