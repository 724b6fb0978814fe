//! The rounds: ss, netstat and `observer list` in turn, over the same sockets.

use std::{fs::File, path::Path};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{Advice, fadvise};
use serde::{Deserialize, Serialize};

use super::{
    holders::Holders,
    host::cpus,
    phases::{Phases, phases, scan_ms},
    plan::{Plan, is_very_many},
    run::{Heads, Run, Scratch},
    stat::{least, median, rounded},
};

/// Baseline of every ratio.
pub(super) const BASELINE: &str = "ss -tnop";

/// As users would type them. `observer` stands for the program under test.
pub(super) const TABLE: &str = "observer list --scan bpf";
pub(super) const JSONL: &str = "observer list --scan bpf -o jsonl";
pub(super) const JSON: &str = "observer list --scan bpf -o json";
pub(super) const DIAG: &str = "observer list --scan diag";
const ROUND: [&str; 7] = [BASELINE, "ss -tnoi", "ss -tno", TABLE, JSONL, JSON, DIAG];
const ONCE: &str = "netstat -tnop";
const IDLE: &str = "observer list";

/// Those of which the phases are shown: what `-v` prints on stderr.
const PHASED: [&str; 3] = [TABLE, JSONL, DIAG];

/// Sockets of the host with few.
pub(super) const FEW: usize = 100;
const IDLE_RUNS: usize = 10;

/// All that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct List {
    /// A host with no sockets but its own.
    pub(super) idle: Timings,
    pub(super) few: Vec<Timings>,
    /// In ascending order of sockets.
    pub(super) points: Vec<Point>,
}

/// At one number of sockets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) sockets: usize,
    pub(super) processes: usize,
    /// Other load of the host during the rounds, in hundredths of all its CPUs.
    pub(super) others_percent: f64,
    pub(super) commands: Vec<Timings>,
    /// `scan_ms` of [`JSON`], a round each.
    pub(super) scan_ms: Vec<f64>,
    pub(super) phases: Vec<Phases>,
}

/// One command's runs, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Timings {
    pub(super) command: String,
    pub(super) runs: Vec<Run>,
}

/// A ratio to the baseline, computed in two ways: caches and neighbours may double what a run of ss
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

impl Point {
    pub(super) fn timings(&self, command: &str) -> Option<&Timings> {
        let mut commands = self.commands.iter();
        commands.find(|timings| timings.command == command)
    }

    /// Speed relative to the baseline of something that took so long in each round.
    pub(super) fn faster(&self, took_ms: &[f64]) -> Option<Faster> {
        let baseline = self.timings(BASELINE)?.took_ms();
        let ratios = baseline.iter().zip(took_ms).map(|(ss, took)| ss / took);
        (!took_ms.is_empty() && took_ms.len() == baseline.len()).then(|| Faster {
            in_pairs: median(ratios),
            at_best: least(&baseline) / least(took_ms),
        })
    }
}

impl Timings {
    fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            runs: Vec::new(),
        }
    }

    pub(super) fn took_ms(&self) -> Vec<f64> {
        self.runs.iter().map(|run| run.took_ms).collect()
    }

    pub(super) fn median(&self, of: impl Fn(&Run) -> f64) -> f64 {
        median(self.runs.iter().map(of))
    }

    /// `None` where it never ran.
    pub(super) fn peak_rss_mib(&self) -> Option<f64> {
        let peak_kib = self.runs.iter().map(|run| run.peak_rss_kib).max()?;
        Some(peak_kib as f64 / 1024.0)
    }
}

pub(super) fn measure(plan: &Plan, observer: &Path) -> Result<List> {
    let scratch = Scratch::new()?;
    let bench = Bench { scratch, observer };

    eprintln!("testbed: list, no sockets");
    let mut idle = Timings::new(IDLE);
    for _ in 0..IDLE_RUNS {
        bench.evict_program()?;
        idle.runs.push(bench.run(IDLE, 0)?.0);
    }

    eprintln!("testbed: list, {FEW} sockets");
    let mut few: Vec<_> = [TABLE, JSONL, JSON, DIAG].map(Timings::new).into();
    let holders = Holders::start(FEW, 1)?;
    for timings in &mut few {
        let (run, _) = bench.run(&timings.command, FEW)?;
        timings.runs.push(run);
    }
    drop(holders);

    let mut points = Vec::new();
    for sockets in &plan.sockets {
        points.push(bench.point(plan, *sockets)?);
    }
    Ok(List { idle, few, points })
}

struct Bench<'a> {
    scratch: Scratch,
    observer: &'a Path,
}

impl Bench<'_> {
    fn point(&self, plan: &Plan, sockets: usize) -> Result<Point> {
        eprintln!("testbed: list, {sockets} sockets");
        let _holders = Holders::start(sockets, plan.processes)?;
        let mut point = Point {
            sockets,
            processes: plan.processes,
            others_percent: 0.0,
            commands: ROUND.map(Timings::new).into(),
            scan_ms: Vec::new(),
            phases: Vec::new(),
        };
        let rounds = plan.rounds_at(sockets);
        if rounds > 1 {
            // Nobody's first run is slower for being the first.
            for command in [BASELINE, TABLE] {
                self.run(command, sockets)?;
            }
        }
        for round in 0..rounds {
            eprintln!("testbed: round {} of {rounds}", round + 1);
            self.round(&mut point, round)?;
        }
        point.others_percent = others_percent(&point.commands);
        for command in PHASED {
            point.phases.push(self.phases(command, sockets, rounds)?);
        }
        if !is_very_many(sockets) {
            let mut netstat = Timings::new(ONCE);
            netstat.runs.push(self.run(ONCE, sockets)?.0);
            point.commands.push(netstat);
        }
        Ok(point)
    }

    /// Runs every command once; in each round another one comes first.
    fn round(&self, point: &mut Point, round: usize) -> Result<()> {
        let count = point.commands.len();
        let (later, first) = point.commands.split_at_mut(round % count);
        for timings in first.iter_mut().chain(later) {
            let (run, heads) = self.run(&timings.command, point.sockets)?;
            timings.runs.push(run);
            if timings.command == JSON {
                point.scan_ms.push(scan_ms(&heads.stdout)?);
            }
        }
        Ok(())
    }

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

    fn phases(&self, command: &str, sockets: usize, rounds: usize) -> Result<Phases> {
        let verbose = format!("{command} -v");
        let mut all = Phases::new(command);
        for _ in 0..rounds {
            let (run, heads) = self.run(&verbose, sockets)?;
            let mut phases = phases(&heads.stderr);
            if phases.is_empty() {
                bail!("{verbose} prints no time of a phase");
            }
            let within: f64 = phases.iter().map(|(_, took_ms)| took_ms).sum();
            phases.push(("rest", rounded(run.took_ms - within)));
            for (name, took_ms) in phases {
                all.add(name, took_ms);
            }
        }
        Ok(all)
    }

    /// So that the next run reads the program from the disk. What other programs map too, such as
    /// libc, stays.
    fn evict_program(&self) -> Result<()> {
        fadvise(File::open(self.observer)?, 0, None, Advice::DontNeed)?;
        Ok(())
    }
}

fn others_percent(timings: &[Timings]) -> f64 {
    let runs = || timings.iter().flat_map(|timings| &timings.runs);
    let others_ms: f64 = runs().map(|run| run.others_ms).sum();
    let wall_ms: f64 = runs().map(|run| run.took_ms).sum();
    rounded((100.0 * others_ms / (wall_ms * cpus() as f64)).max(0.0))
}
