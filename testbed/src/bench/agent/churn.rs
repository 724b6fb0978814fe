//! Connections made and closed as fast as they go, with hooks attached.

use std::{
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

use super::{bench::Bench, goal::Goal, running::Agent, usage::Usage};
use crate::bench::{churn::on_all_cpus, growth};

const EACH: Duration = Duration::from_secs(1);
/// A sixth of the time is for warming up.
const WARM_UP: u32 = 6;
const MOST_GROWTH_MIB: f64 = 2.0;
/// Sockets of the scrapes themselves.
const MOST_NOTES: f64 = 8.0;
/// Time after which the hooks' counts are shown: they are read each second.
const SETTLE: Duration = Duration::from_secs(3);

pub(super) fn measure(bench: &Bench<'_>) -> Result<Vec<Goal>> {
    eprintln!("testbed: churn");
    let lasts = Duration::from_secs(bench.args.load_seconds);
    let agent = Agent::start(&bench.setup(&[]))?;
    sleep(SETTLE);
    let before = agent.metrics()?;
    let fds_before = agent.settled_usage()?.fds;
    let began = Instant::now();
    let churning = thread::spawn(move || on_all_cpus(began + lasts));
    let mut samples: Vec<(f64, Usage)> = Vec::new();
    while began.elapsed() < lasts {
        sleep(EACH);
        let usage = agent.usage()?;
        if began.elapsed() > lasts / WARM_UP {
            samples.push((began.elapsed().as_secs_f64(), usage));
        }
    }
    let took_s = began.elapsed().as_secs_f64();
    let made = churning.join();
    let connections = made.unwrap_or_else(|_| Err(anyhow!("making connections panicked")))?;
    sleep(SETTLE);
    let (after, end) = (agent.metrics()?, agent.settled_usage()?);
    let gained = |metric: &str| after.sum(metric, "") - before.sum(metric, "");
    let [first, last] = [samples.first(), samples.last()]
        .map(|sample| sample.map_or(f64::NAN, |(_, usage)| usage.rss_mib()));
    let points: Vec<_> = samples
        .iter()
        .map(|(at_s, usage)| (*at_s, usage.rss_mib()))
        .collect();
    let slope = growth::slope(&points);
    let fds: Vec<_> = samples.iter().map(|(_, usage)| usage.fds).collect();
    let events = gained("observer_connections_lost_total") + gained("observer_keepalive_set_total");
    let cpu_s = samples.last().map_or(f64::NAN, |(_, usage)| usage.cpu_s)
        - samples.first().map_or(f64::NAN, |(_, usage)| usage.cpu_s);

    println!("\n### Churn\n\n| | |\n|---|---:|");
    println!(
        "| connections | {connections}, {:.0} a second |",
        connections as f64 / took_s
    );
    println!("| events counted | {events} |");
    println!("| events lost | {} |", gained("observer_events_lost_total"));
    println!(
        "| notes before, after | {}, {} |",
        before.value("observer_notes"),
        after.value("observer_notes")
    );
    println!(
        "| notes rejected | {} |",
        gained("observer_notes_rejected_total")
    );
    println!(
        "| RSS after warm-up, at the end, slope | {first:.1} MiB, {last:.1} MiB, {:.0} KiB a minute |",
        slope * 1024.0 * 60.0
    );
    println!(
        "| descriptors before, most, after | {fds_before}, {}, {} |",
        fds.iter().max().unwrap_or(&0),
        end.fds
    );
    println!(
        "| agent CPU | {:.1} % of one |",
        100.0 * cpu_s / (took_s * (1.0 - 1.0 / f64::from(WARM_UP)))
    );
    Ok(vec![
        Goal::at_most(
            "RSS under churn: growth",
            last - first,
            MOST_GROWTH_MIB,
            "MiB",
        ),
        Goal::at_most(
            "notes left by churn",
            after.value("observer_notes") - before.value("observer_notes"),
            MOST_NOTES,
            "",
        ),
        Goal::exactly("descriptors after churn", end.fds, fds_before),
    ])
}
