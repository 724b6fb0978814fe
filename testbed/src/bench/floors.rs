//! Least cost of a walk of every descriptor, beside the agent's summary and a full scan.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use xtask::env;

use super::{
    holders::Holders,
    plan::{Plan, is_very_many},
    run::Scratch,
    stat::{median, rounded},
};

/// The program that measures, in the folder of cargo's examples and in guests.
pub(super) const EXAMPLE: &str = "floors";
pub(super) const IN_GUEST: &str = "/bin/observer-floors";

/// At one number of sockets each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Floors(pub(super) Vec<Floor>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Floor {
    pub(super) sockets: usize,
    pub(super) processes: usize,
    /// CPU time of everything else meanwhile, in hundredths of one CPU.
    pub(super) others_percent: f64,
    #[serde(flatten)]
    pub(super) measured: Measured,
}

/// Output of the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Descriptors of TCP sockets that the touching walk comes upon.
    pub(super) touched: u64,
    /// Connected sockets that a summary and a scan find.
    #[serde(alias = "surveyed")]
    pub(super) summarized: u64,
    pub(super) scanned: u64,
    pub(super) kinds: Vec<Runs>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Runs {
    pub(super) kind: WalkKind,
    pub(super) wall_ms: Vec<f64>,
    /// Of all threads.
    pub(super) cpu_ms: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WalkKind {
    Empty,
    Touch,
    #[serde(alias = "survey")]
    Summary,
    Scan,
}

impl Floor {
    fn median(&self, kind: WalkKind, of: fn(&Runs) -> &[f64]) -> Option<f64> {
        let mut kinds = self.measured.kinds.iter();
        let runs = kinds.find(|runs| runs.kind == kind)?;
        Some(median(of(runs).iter().copied())).filter(|median| median.is_finite())
    }

    pub(super) fn wall_ms(&self, kind: WalkKind) -> Option<f64> {
        self.median(kind, |runs| &runs.wall_ms)
    }

    pub(super) fn cpu_ms(&self, kind: WalkKind) -> Option<f64> {
        self.median(kind, |runs| &runs.cpu_ms)
    }
}

pub(super) fn measure(plan: &Plan, program: &Path) -> Result<Floors> {
    let scratch = Scratch::new()?;
    let mut floors = Vec::new();
    let sockets = plan.sockets.iter();
    for sockets in sockets.filter(|sockets| !is_very_many(**sockets)) {
        eprintln!("testbed: floors, {sockets} sockets");
        floors.push(at(plan, program, &scratch, *sockets)?);
    }
    Ok(Floors(floors))
}

fn at(plan: &Plan, program: &Path, scratch: &Scratch, sockets: usize) -> Result<Floor> {
    let _holders = Holders::start(sockets, plan.processes)?;
    let program = program.to_str().context("a path is no UTF-8")?;
    let (run, heads) = scratch.run(&[program, &plan.floor_rounds.to_string()])?;
    let mut measured: Measured = serde_json::from_slice(&heads.stdout)
        .with_context(|| format!("{program} printed something else than its results"))?;
    let found = [measured.touched, measured.summarized, measured.scanned];
    if found.iter().any(|found| *found < sockets as u64) {
        bail!("of {sockets} sockets, {found:?} were touched, summarized and scanned");
    }
    for runs in &mut measured.kinds {
        for value in runs.wall_ms.iter_mut().chain(&mut runs.cpu_ms) {
            *value = rounded(*value);
        }
    }
    Ok(Floor {
        sockets,
        processes: plan.processes,
        others_percent: rounded((100.0 * run.others_ms / run.took_ms).max(0.0)),
        measured,
    })
}

/// The program: `OBSERVER_FLOORS`, the guest's, or one built here.
pub(super) fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("OBSERVER_FLOORS") {
        return Ok(program.into());
    }
    if super::host::is_guest() {
        return Ok(IN_GUEST.into());
    }
    build("release")
}

pub(super) fn build(profile: &str) -> Result<PathBuf> {
    let root = env::workspace_root();
    let build = ["build", "--package", "observer", "--example", EXAMPLE];
    let profile_flag = ["--profile", profile];
    env::run(
        env::cargo()
            .current_dir(&root)
            .args(build)
            .args(profile_flag),
    )?;
    let examples = env::target_dir(&root).join(profile).join("examples");
    Ok(examples.join(EXAMPLE))
}
