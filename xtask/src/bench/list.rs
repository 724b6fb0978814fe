//! The rounds: ss, netstat and `observer list` in turn, over the same sockets.

use std::{fs::File, path::Path};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{Advice, fadvise};

use super::{
    ListArgs,
    holders::Holders,
    host::{Host, cpus},
    run::{Heads, Run, Scratch},
};

/// What every ratio is taken against.
pub(super) const BASELINE: &str = "ss -tnop";

/// As users would type them. `observer` stands for the program under test.
pub(super) const TABLE: &str = "observer list --scan bpf";
pub(super) const JSONL: &str = "observer list --scan bpf -o jsonl";
pub(super) const JSON: &str = "observer list --scan bpf -o json";
pub(super) const DIAG: &str = "observer list --scan diag";
const ROUND: &[&str] = &[BASELINE, "ss -tno", TABLE, JSONL, JSON, DIAG];
const ONCE: &str = "netstat -tnop";
const IDLE: &str = "observer list";

/// Those of which the phases are shown: what `-v` says on stderr.
const PHASED: &[&str] = &[TABLE, JSONL, DIAG];

/// Sockets of the host with few.
pub(super) const FEW: usize = 100;
const IDLE_RUNS: usize = 10;

/// All that was measured.
pub(super) struct Measured {
    pub(super) host: Host,
    pub(super) sockets: usize,
    pub(super) processes: usize,
    pub(super) rounds: usize,
    /// A host with no sockets but its own.
    pub(super) idle: Timings,
    pub(super) few: Vec<Timings>,
    pub(super) many: Vec<Timings>,
    /// `scan_ms` of [`JSON`], a round each.
    pub(super) scan_ms: Vec<f64>,
    pub(super) phases: Vec<Phases>,
    /// What else ran on the host during the rounds, in hundredths of all its CPUs.
    pub(super) others_percent: f64,
}

/// One command's runs, in order.
pub(super) struct Timings {
    pub(super) command: &'static str,
    pub(super) runs: Vec<Run>,
}

/// Where one command's time went: each phase's median, and what lies outside all phases.
pub(super) struct Phases {
    pub(super) command: &'static str,
    pub(super) median_ms: Vec<(String, f64)>,
}

/// A ratio to the baseline, told in two ways: caches and neighbours may double what a run of ss
/// takes, and do so to whole series of runs.
pub(super) struct Faster {
    /// The median of the rounds' ratios.
    pub(super) in_pairs: f64,
    /// The baseline's shortest run to the shortest of this.
    pub(super) at_best: f64,
}

impl Faster {
    pub(super) fn lesser(&self) -> f64 {
        self.in_pairs.min(self.at_best)
    }
}

impl Measured {
    pub(super) fn many(&self, command: &str) -> Option<&Timings> {
        self.many.iter().find(|timings| timings.command == command)
    }

    /// How many times faster than the baseline something is that took so long in each round.
    pub(super) fn faster(&self, took_ms: &[f64]) -> Option<Faster> {
        let baseline = self.many(BASELINE)?.took_ms();
        let ratios = baseline.iter().zip(took_ms).map(|(ss, took)| ss / took);
        (took_ms.len() == self.rounds).then(|| Faster {
            in_pairs: median(ratios.collect()),
            at_best: least(&baseline) / least(took_ms),
        })
    }
}

impl Timings {
    pub(super) fn took_ms(&self) -> Vec<f64> {
        self.runs.iter().map(|run| run.took_ms).collect()
    }

    pub(super) fn median(&self, of: impl Fn(&Run) -> f64) -> f64 {
        median(self.runs.iter().map(of).collect())
    }

    pub(super) fn peak_rss_kib(&self) -> u64 {
        let peaks = self.runs.iter().map(|run| run.peak_rss_kib);
        peaks.max().unwrap_or(0)
    }
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle.saturating_sub(1)..=middle) {
        Some([below, above]) if values.len().is_multiple_of(2) => f64::midpoint(*below, *above),
        _ => values.get(middle).copied().unwrap_or(f64::NAN),
    }
}

pub(super) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

pub(super) fn measure(args: &ListArgs, observer: &Path) -> Result<Measured> {
    let scratch = Scratch::new()?;
    let bench = Bench { scratch, observer };
    let host = Host::read(observer)?;

    eprintln!("xtask: no sockets");
    let mut idle = Timings::new(IDLE);
    for _ in 0..IDLE_RUNS {
        bench.evict_program()?;
        idle.runs.push(bench.run(IDLE, 0)?.0);
    }

    eprintln!("xtask: {FEW} sockets");
    let mut few: Vec<_> = [TABLE, JSONL, JSON, DIAG].map(Timings::new).into();
    let holders = Holders::start(FEW, 1)?;
    for timings in &mut few {
        let (run, _) = bench.run(timings.command, FEW)?;
        timings.runs.push(run);
    }
    drop(holders);

    eprintln!("xtask: {} sockets", args.sockets);
    let _holders = Holders::start(args.sockets, args.processes)?;
    let mut measured = Measured {
        host,
        sockets: args.sockets,
        processes: args.processes,
        rounds: args.rounds,
        idle,
        few,
        many: ROUND.iter().copied().map(Timings::new).collect(),
        scan_ms: Vec::new(),
        phases: Vec::new(),
        others_percent: 0.0,
    };
    // Nobody's first run is slower for being the first.
    for command in [BASELINE, TABLE] {
        bench.run(command, args.sockets)?;
    }
    for round in 0..args.rounds {
        eprintln!("xtask: round {} of {}", round + 1, args.rounds);
        // In each round another one comes first.
        let first = round % ROUND.len();
        let count = measured.many.len();
        for index in (0..count).cycle().skip(first).take(count) {
            let Some(timings) = measured.many.get_mut(index) else {
                continue;
            };
            let (run, heads) = bench.run(timings.command, args.sockets)?;
            timings.runs.push(run);
            if timings.command == JSON {
                measured.scan_ms.push(scan_ms(&heads)?);
            }
        }
    }
    measured.others_percent = others_percent(&measured.many);
    for command in PHASED {
        measured
            .phases
            .push(bench.phases(command, args.sockets, args.rounds)?);
    }
    let mut netstat = Timings::new(ONCE);
    netstat.runs.push(bench.run(ONCE, args.sockets)?.0);
    measured.many.push(netstat);
    Ok(measured)
}

impl Timings {
    fn new(command: &'static str) -> Self {
        Self {
            command,
            runs: Vec::new(),
        }
    }
}

struct Bench<'a> {
    scratch: Scratch,
    observer: &'a Path,
}

impl Bench<'_> {
    /// Runs a command, which must print a line for each socket.
    fn run(&self, command: &str, sockets: usize) -> Result<(Run, Heads)> {
        let observer = self.observer.to_str().context("a path is no UTF-8")?;
        let words: Vec<&str> = command
            .split(' ')
            .map(|word| if word == "observer" { observer } else { word })
            .collect();
        let (run, heads) = self.scratch.run(&words)?;
        if run.lines < sockets {
            bail!(
                "{command} printed {} lines for {sockets} sockets",
                run.lines
            );
        }
        Ok((run, heads))
    }

    fn phases(&self, command: &'static str, sockets: usize, rounds: usize) -> Result<Phases> {
        let verbose = format!("{command} -v");
        let mut all: Vec<(String, Vec<f64>)> = Vec::new();
        for _ in 0..rounds {
            let (run, heads) = self.run(&verbose, sockets)?;
            let mut phases = phases(&heads.stderr);
            if phases.is_empty() {
                bail!("{verbose} says of no phase how long it took");
            }
            let within: f64 = phases.iter().map(|(_, took_ms)| took_ms).sum();
            phases.push(("rest", run.took_ms - within));
            for (name, took_ms) in phases {
                match all.iter_mut().find(|(known, _)| known == name) {
                    Some((_, values)) => values.push(took_ms),
                    None => all.push((name.to_owned(), vec![took_ms])),
                }
            }
        }
        let median_ms = all
            .into_iter()
            .map(|(name, values)| (name, median(values)))
            .collect();
        Ok(Phases { command, median_ms })
    }

    /// So that the next run reads the program from the disk. What other programs map too, such as
    /// libc, stays.
    fn evict_program(&self) -> Result<()> {
        fadvise(File::open(self.observer)?, 0, None, Advice::DontNeed)?;
        Ok(())
    }
}

/// Reads lines such as `… DEBUG observer::cli::list: scan took 66.12 ms`.
fn phases(stderr: &str) -> Vec<(&str, f64)> {
    let phase = |line| {
        let (before, took): (&str, &str) = str::split_once(line, " took ")?;
        let took_ms = took.strip_suffix(" ms")?.parse().ok()?;
        let (_, name) = before.rsplit_once(' ')?;
        Some((name, took_ms))
    };
    stderr.lines().filter_map(phase).collect()
}

/// Reads `scan_ms` from the beginning of the JSON document.
fn scan_ms(heads: &Heads) -> Result<f64> {
    let text = String::from_utf8_lossy(&heads.stdout);
    text.split_once("\"scan_ms\":")
        .and_then(|(_, rest)| rest.split([',', '}']).next())
        .and_then(|number| number.trim().parse().ok())
        .context("the JSON document begins without scan_ms")
}

fn others_percent(timings: &[Timings]) -> f64 {
    let runs = || timings.iter().flat_map(|timings| &timings.runs);
    let others_ms: f64 = runs().map(|run| run.others_ms).sum();
    let wall_ms: f64 = runs().map(|run| run.took_ms).sum();
    let cpus = u32::try_from(cpus()).map_or(f64::NAN, f64::from);
    (100.0 * others_ms / (wall_ms * cpus)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_odd_and_even_many() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(vec![9.0, 1.0, 5.0, 7.0]), 6.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn phases_are_read_among_other_lines() {
        let stderr = "observer: a notice\n\
            2026-01-01T00:00:00Z DEBUG observer::cli::list: btf took 2.53 ms\n\
            2026-01-01T00:00:00Z DEBUG observer::kernel: something took long\n\
            2026-01-01T00:00:00Z DEBUG observer::cli::list: scan took 66.10 ms\n";
        assert_eq!(phases(stderr), [("btf", 2.53), ("scan", 66.1)]);
    }

    #[test]
    fn scan_ms_is_read_from_an_incomplete_document() {
        let heads = |stdout: &str| Heads {
            stdout: stdout.into(),
            ..Heads::default()
        };
        let found = scan_ms(&heads("{\"version\":1,\"scan_ms\":23.8,\"sockets\":[{\"co"));
        assert_eq!(found.unwrap(), 23.8);
        assert!(scan_ms(&heads("{}")).is_err());
    }
}
