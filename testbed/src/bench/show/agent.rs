//! The agent and `observer watch`.

use super::{grouped, known, table::Table};
use crate::bench::{
    agent::{cost::Steady, latency::Scrape},
    watch::Watch,
};

pub(in crate::bench) fn steady(steady: &Steady) -> String {
    let mut table = Table::new([
        "sockets",
        "agent CPU s",
        "sweeps",
        "`ss -tnop` CPU s",
        "runs",
        "times less",
        "RSS MiB",
        "peak MiB",
    ]);
    for cost in &steady.costs {
        table.row([
            format!("{}, {}", grouped(cost.sockets), cost.name),
            known(Some(cost.agent_s), 2),
            cost.sweeps.to_string(),
            known(Some(cost.ss_s), 2),
            cost.ss_runs.to_string(),
            known(Some(cost.times_less()), 1),
            known(Some(cost.rss_mib), 1),
            known(Some(cost.peak_mib), 1),
        ]);
    }
    let blank = std::iter::repeat_n(String::new(), 5);
    let idle = [steady.idle_rss_mib, steady.idle_peak_mib];
    let idle = idle.map(|mib| known(Some(mib), 1));
    table.row(
        ["idle host".to_owned()]
            .into_iter()
            .chain(blank)
            .chain(idle),
    );
    format!(
        "{} s each; a sweep and an `ss -tnop` each {} s:\n\n{table}",
        steady.seconds, steady.interval_s
    )
}

pub(super) fn scrape(scrape: &Scrape) -> String {
    let mut table = Table::new([
        "scrapers",
        "requests",
        "a second",
        "p50 ms",
        "p99 ms",
        "longest ms",
        "agent CPU, % of one",
    ]);
    for latency in &scrape.latencies {
        let a_second = latency.requests as f64 / scrape.seconds as f64;
        table.row([
            latency.scrapers.to_string(),
            grouped(latency.requests),
            grouped(format!("{a_second:.0}")),
            known(Some(latency.p50_ms), 2),
            known(Some(latency.p99_ms), 2),
            known(Some(latency.longest_ms), 2),
            known(Some(latency.cpu_percent), 0),
        ]);
    }
    format!(
        "{} s each, {} sockets:\n\n{table}",
        scrape.seconds,
        grouped(scrape.sockets)
    )
}

pub(in crate::bench) fn watch(watch: &Watch) -> String {
    let mut table = Table::new(["command", "CPU s", "% of a CPU"]);
    for (name, cpu_s) in [
        ("`observer watch --interval 1s`", watch.observer_s),
        ("`watch -n1 ss -tnop`", watch.ss_s),
    ] {
        let percent = 100.0 * cpu_s / watch.seconds as f64;
        table.row([
            name.to_owned(),
            known(Some(cpu_s), 2),
            known(Some(percent), 1),
        ]);
    }
    format!(
        "{} sockets, {} s each:\n\n{table}\n{} times less. A key is answered within {} ms.\n",
        grouped(watch.sockets),
        watch.seconds,
        known(Some(watch.times_less()), 1),
        known(Some(watch.slowest_key_ms), 0)
    )
}
