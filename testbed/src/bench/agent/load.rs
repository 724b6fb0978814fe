//! Many scrapers at once, as fast as they go.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    abuse,
    bench::Bench,
    danger::{Danger, PATH_FLAG},
    exposition::SweepTimes,
    goal::Goal,
    running::Agent,
    scraper::{AUTHORIZATION, Scraper},
};
use crate::bench::holders::Holders;

/// A user named bench with the password `benchmark`, at the usual cost.
const WEB_CONFIG: &str = "basic_auth_users:\n  \
    bench: $2b$10$5fGpk7UE85eZxTUy/pyf6OcRcmekKDhFgOZT5IUSP98mlc4nuyEYO\n";
/// More resident memory than before is allowed for buffers of connections.
const MOST_GROWTH_MIB: f64 = 8.0;
/// Scans may be this much late.
const LATE_S: f64 = 1.0;
const SETTLE: Duration = Duration::from_secs(8);

pub(super) fn measure(bench: &Bench<'_>) -> Result<Vec<Goal>> {
    let args = bench.args;
    eprintln!("testbed: load");
    let danger = Danger::start(args.danger)?;
    let holders = Holders::start(args.load_sockets, args.processes)?;
    let mut setup = bench.setup(&PATH_FLAG);
    let web_config = bench.scratch.write("web.yml", WEB_CONFIG)?;
    setup.agent = format!("web_config = \"{}\"", web_config.display());
    setup.authorization = Some(AUTHORIZATION);
    let agent = Agent::start(&setup)?;
    agent.wait_for_danger()?;

    let before = agent.settled_usage()?;
    let until = Instant::now() + Duration::from_secs(args.load_seconds);
    let scrapers = (0..args.scrapers)
        .map(|number| Scraper::start(number, agent.address, until))
        .collect::<Result<Vec<_>>>()?;
    let mut sweeps = SweepTimes::default();
    let mut most_fds = 0;
    while Instant::now() < until {
        sweeps.see(&agent.metrics()?);
        most_fds = most_fds.max(agent.usage()?.fds);
        sleep(Duration::from_secs(1));
    }
    let mut took = Vec::new();
    let mut errors = Vec::new();
    for scraper in scrapers {
        let (mut times, error) = scraper.end();
        took.append(&mut times);
        errors.extend(error);
    }
    let during = agent.usage()?;
    sleep(SETTLE);
    let after = agent.settled_usage()?;

    took.sort_unstable();
    let quantile = |part: usize, of: usize| {
        let at = took.len().saturating_sub(1) * part / of;
        took.get(at)
            .map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    };
    println!(
        "\n### Load\n\n{} scrapers for {} s, {} sockets, with a password, sweeps each {} s\n",
        args.scrapers, args.load_seconds, args.load_sockets, args.interval
    );
    println!("| | |\n|---|---:|");
    println!("| requests | {} |", took.len());
    println!(
        "| requests a second | {:.0} |",
        took.len() as f64 / args.load_seconds as f64
    );
    println!(
        "| latency p50, p99, max | {:.1} ms, {:.1} ms, {:.1} ms |",
        quantile(1, 2),
        quantile(99, 100),
        quantile(1, 1)
    );
    println!("| errors | {} |", errors.len());
    println!(
        "| sweeps, longest gap | {}, {:.1} s |",
        sweeps.count(),
        sweeps.longest_gap_s()
    );
    println!("| agent CPU s | {:.1} |", during.cpu_s - before.cpu_s);
    println!(
        "| RSS before, at the end, {} s later | {:.1}, {:.1}, {:.1} MiB |",
        SETTLE.as_secs(),
        before.rss_mib(),
        during.rss_mib(),
        after.rss_mib()
    );
    println!(
        "| descriptors before, most, after | {}, {most_fds}, {} |",
        before.fds, after.fds
    );
    for error in errors.iter().take(5) {
        eprintln!("{error:#}");
    }
    let mut goals = vec![
        Goal::exactly("errors under load", errors.len(), 0),
        Goal::at_most(
            "longest time between sweeps under load",
            sweeps.longest_gap_s(),
            args.interval as f64 + LATE_S,
            "s",
        ),
        Goal::at_most(
            "RSS after load less RSS before",
            after.rss_mib() - before.rss_mib(),
            MOST_GROWTH_MIB,
            "MiB",
        ),
        Goal::exactly("descriptors after load", after.fds, before.fds),
    ];
    goals.append(&mut abuse::measure(&agent)?);
    drop((agent, holders, danger));
    Ok(goals)
}
