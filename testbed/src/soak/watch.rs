//! The agent under load: a sample each second, a log line each minute, and a last connection near the
//! end.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    last::Last,
    load::{Common, Load, Reloads},
    samples::{Quantity, Sample},
    stage::Stage,
};
use crate::bench::agent::{
    exposition::SweepTimes,
    running::{Agent, Setup},
};

const TICK: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// This share of the time is for warming up, and no more than ten minutes.
const WARM_UP: u32 = 4;
const LONGEST_WARM_UP: Duration = Duration::from_secs(600);
/// This share of the time is left when the last connection is made, and no more than a minute.
const LAST_PART: u32 = 3;

pub(super) struct Watch {
    began: Instant,
    warm_at: Duration,
    last_at: Duration,
    logged_at: Duration,
    /// Of when it was warm.
    pub(super) samples: Vec<Sample>,
    pub(super) sweeps: SweepTimes,
    pub(super) reloads: Reloads,
    pub(super) last: Option<Last>,
}

impl Watch {
    pub(super) fn new(stage: &Stage) -> Self {
        let lasts = stage.lasts;
        Self {
            began: Instant::now(),
            warm_at: (lasts / WARM_UP).min(LONGEST_WARM_UP),
            last_at: lasts - (lasts / LAST_PART).min(MINUTE),
            logged_at: Duration::ZERO,
            samples: Vec::new(),
            sweeps: SweepTimes::default(),
            reloads: Reloads::new(),
            last: None,
        }
    }

    /// Until the time is over.
    pub(super) fn all(
        &mut self,
        agent: &Agent,
        setup: &mut Setup<'_>,
        common: &Common,
        stage: &Stage,
        load: &Load,
    ) -> Result<()> {
        let mut turns = 0;
        while self.began.elapsed() < stage.lasts {
            stage.check()?;
            load.check()?;
            self.sample(agent, load)?;
            let elapsed = self.began.elapsed();
            match &mut self.last {
                Some(last) => last.step(stage),
                None if elapsed < self.last_at => self.reloads.perhaps(agent, setup, common)?,
                None => {
                    self.reloads.finish(agent, setup, common)?;
                    stage.sinks.iter().for_each(|sink| sink.calm_down());
                    self.last = Some(Last::connect(stage)?);
                }
            }
            turns += 1;
            sleep((TICK * turns).saturating_sub(self.began.elapsed()));
        }
        Ok(())
    }

    fn sample(&mut self, agent: &Agent, load: &Load) -> Result<()> {
        let metrics = agent.metrics()?;
        self.sweeps.see(&metrics);
        let elapsed = self.began.elapsed();
        let sample = Sample::take(agent, &metrics, elapsed.as_secs_f64())?;
        if elapsed >= self.logged_at {
            self.logged_at += MINUTE;
            log(&sample, load);
        }
        if elapsed >= self.warm_at {
            self.samples.push(sample);
        }
        Ok(())
    }
}

fn log(sample: &Sample, load: &Load) {
    let done = load.done();
    let of = |kind: &str| {
        let found = done.iter().find(|(name, _)| *name == kind);
        found.map_or(0, |(_, done)| *done)
    };
    eprintln!(
        "testbed: {:.0} s: {:.1} MiB resident, {:.1} anonymous, {} descriptors, {} sockets, {} notes, \
         {} groups fire; {} connections, {} processes, {} scrapes so far",
        sample.at_s,
        sample.get(Quantity::Rss) / 1024.0,
        sample.get(Quantity::Anonymous) / 1024.0,
        sample.get(Quantity::Descriptors),
        sample.get(Quantity::Sockets),
        sample.get(Quantity::Notes),
        sample.get(Quantity::Firing),
        of("connections"),
        of("processes"),
        of("scrapes"),
    );
}
