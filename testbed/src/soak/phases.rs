//! From the agent's start to its end.

use std::{path::Path, thread::sleep, time::Duration};

use anyhow::{Context as _, Result, bail};
use xtask::env;

use super::{
    Args,
    bounds::{self, Bound, Measured},
    end::Held,
    last::Last,
    load::{Load, SIZES, SIZES_IN_GUEST, Sizes, variant},
    log,
    samples::Sample,
    shared::INTERVAL,
    sink::Sink,
    stage::Stage,
    watch::Watch,
};
use crate::bench::{
    agent::running::{Agent, Setup},
    holders::raise_fd_limit,
    host::Host,
    run::Scratch,
};

/// Result of a run.
pub(super) struct Found {
    pub(super) host: Host,
    pub(super) lasts: Duration,
    /// The agent's methods of scan and hooks, as it reports them.
    pub(super) ways: String,
    /// Load that was done, by kinds.
    pub(super) done: Vec<(&'static str, u64)>,
    pub(super) measured: Measured,
    pub(super) bounds: Vec<Bound>,
}

/// The runtime's threads for work that blocks end when they had none for 10 s.
const SETTLE: Duration = Duration::from_secs(13);

/// The agent before the load.
struct Begun {
    agent: Agent,
    before: Sample,
    held: Held,
    kept_fds: usize,
}

pub(super) fn run(args: &Args, observer: &Path) -> Result<Found> {
    if env::find_program("bpftool").is_none() {
        bail!("no bpftool to read the kernel's objects with: install it");
    }
    let host = Host::read(observer)?;
    let sizes = if host.guest { &SIZES_IN_GUEST } else { &SIZES };
    raise_fd_limit();
    let mut stage = Stage::new(args)?;
    let common = stage.common();
    let scratch = Scratch::new()?;
    let mut setup = Setup {
        observer,
        scratch: &scratch,
        interval: INTERVAL,
        agent: variant(0, &common).0,
        flags: &["--scan", &args.scan],
        authorization: None,
    };
    let begun = begin(&setup, sizes, &mut stage)?;
    let load = Load::start(sizes, &begun.agent, &stage.cable, &stage.idle)?;
    let mut watch = Watch::new(&stage);
    let outcome = watch.all(&begun.agent, &mut setup, &common, &stage, &load);
    let done = load.done();
    let faults = load.end();
    match faults.first() {
        Some(fault) => outcome.with_context(|| fault.clone())?,
        None => outcome?,
    }
    conclude(begun, watch, stage, Ended { host, done, faults })
}

/// Half of what stays is there before the agent is.
fn begin(setup: &Setup<'_>, sizes: &Sizes, stage: &mut Stage) -> Result<Begun> {
    eprintln!(
        "testbed: {} connections that stay, and the agent",
        sizes.idle
    );
    stage.idle.add(&stage.cable, sizes.idle / 2)?;
    let agent = Agent::start(setup)?;
    stage.idle.add(&stage.cable, sizes.idle / 2)?;
    agent.wait_for_danger()?;
    // What hooks count is shown each second, so the sample comes after some.
    let kept_fds = agent.settled_usage()?.fds;
    Ok(Begun {
        before: Sample::take(&agent, &agent.metrics()?, 0.0)?,
        held: Held::by(agent.pid())?,
        kept_fds,
        agent,
    })
}

/// Facts known when the load has ended.
struct Ended {
    host: Host,
    done: Vec<(&'static str, u64)>,
    faults: Vec<String>,
}

/// The agent when it has rested.
struct Rested {
    alerted_s: [[f64; 2]; 2],
    kept_fds: usize,
    after: Sample,
    held: Held,
    ways: String,
}

fn rest(agent: &Agent, last: Option<Last>, stage: &Stage) -> Result<Rested> {
    eprintln!("testbed: the load is over");
    sleep(SETTLE);
    let last = last.context("the last connection was never made")?;
    let alerted_s = last.alerted_s(stage)?;
    let kept_fds = agent.settled_usage()?.fds;
    let metrics = agent.metrics()?;
    Ok(Rested {
        alerted_s,
        kept_fds,
        after: Sample::take(agent, &metrics, stage.lasts.as_secs_f64())?,
        held: Held::by(agent.pid())?,
        ways: log::ways(&metrics),
    })
}

fn conclude(begun: Begun, watch: Watch, stage: Stage, mut ended: Ended) -> Result<Found> {
    let mut agent = begun.agent;
    let rested = rest(&agent, watch.last, &stage)?;
    let notes_in_kernel = rested.held.notes();
    let (status, stopped) = agent.stop()?;
    let log = log::Complaints::of(agent.warnings());
    let received = stage.sinks.iter().map(Sink::count).sum();
    if let Err(error) = stage.idle.end() {
        let fault = format!("connections that stay: {error:#}");
        ended.faults.push(fault);
    }
    let nothing = ended.done.iter().filter(|(_, count)| *count == 0);
    let left = rested.held.left();
    let measured = Measured {
        is_guest: ended.host.guest,
        samples: watch.samples,
        before: begun.before,
        after: rested.after,
        kept_fds: [begun.kept_fds, rested.kept_fds],
        in_kernel: [begun.held.count(), rested.held.count(), left],
        notes_in_kernel,
        has_hooks: !rested.ways.contains("hooks none"),
        longest_gap_s: watch.sweeps.longest_gap_s(),
        faults: ended.faults,
        came_to_nothing: nothing.map(|(name, _)| *name).collect(),
        broken: [watch.reloads.broken, log.provoked],
        complaints: log.others,
        repeated: log.repeated,
        alerted_s: rested.alerted_s,
        is_clean: status.success(),
        stop_s: stopped.as_secs_f64(),
    };
    ended.done.extend([
        ("sweeps seen", watch.sweeps.count() as u64),
        ("reloads", watch.reloads.done),
        ("alerts received", received),
    ]);
    Ok(Found {
        host: ended.host,
        lasts: stage.lasts,
        ways: rested.ways,
        done: ended.done,
        bounds: bounds::check(&measured),
        measured,
    })
}
