//! Latency of a scrape: by one scraper that comes back at once, and by many at a time.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::{
    bench::{AgentArgs, Bench},
    running::Agent,
    scraper::Scraper,
};
use crate::bench::{holders::Holders, plan, run::Scratch, stat::percentile, stat::rounded};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::bench) struct Scrape {
    pub(in crate::bench) sockets: usize,
    /// Duration of each.
    pub(in crate::bench) seconds: u64,
    pub(in crate::bench) latencies: Vec<Latency>,
}

/// Of all scrapes that were answered as they should; one that is not ends the measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::bench) struct Latency {
    pub(in crate::bench) scrapers: usize,
    pub(in crate::bench) requests: usize,
    pub(in crate::bench) p50_ms: f64,
    pub(in crate::bench) p99_ms: f64,
    pub(in crate::bench) longest_ms: f64,
    /// CPU time of the agent, in hundredths of one CPU.
    pub(in crate::bench) cpu_percent: f64,
}

pub(in crate::bench) fn measure(plan: &plan::Scrape, observer: &Path) -> Result<Scrape> {
    let args = AgentArgs::defaults();
    let bench = Bench {
        args: &args,
        observer,
        scratch: Scratch::new()?,
    };
    let _holders = Holders::start(plan.sockets, args.processes)?;
    let agent = Agent::start(&bench.setup(&[]))?;
    let lasts = Duration::from_secs(plan.seconds);
    let mut latencies = Vec::new();
    for scrapers in [1, plan.scrapers] {
        eprintln!("testbed: scrapes by {scrapers}");
        latencies.push(latency(&agent, scrapers, lasts)?);
    }
    Ok(Scrape {
        sockets: plan.sockets,
        seconds: plan.seconds,
        latencies,
    })
}

fn latency(agent: &Agent, scrapers: usize, lasts: Duration) -> Result<Latency> {
    let before = agent.usage()?;
    let began = Instant::now();
    let running = (0..scrapers)
        .map(|number| Scraper::start(number, agent.address, began + lasts))
        .collect::<Result<Vec<_>>>()?;
    let mut took_ms = Vec::new();
    let mut errors = Vec::new();
    for scraper in running {
        let (times, error) = scraper.end();
        took_ms.extend(times.iter().map(|took| took.as_secs_f64() * 1000.0));
        errors.extend(error);
    }
    let cpu_s = agent.usage()?.cpu_s - before.cpu_s;
    if let Some(error) = errors.first() {
        bail!("{} of {scrapers} scrapers failed: {error:#}", errors.len());
    }
    took_ms.sort_by(f64::total_cmp);
    let at = |hundredths| percentile(&took_ms, hundredths).map(rounded);
    let (Some(p50_ms), Some(p99_ms), Some(longest_ms)) = (at(50), at(99), at(100)) else {
        bail!("nobody was answered");
    };
    Ok(Latency {
        scrapers,
        requests: took_ms.len(),
        p50_ms,
        p99_ms,
        longest_ms,
        cpu_percent: rounded(100.0 * cpu_s / began.elapsed().as_secs_f64()),
    })
}
