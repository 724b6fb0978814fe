//! `cargo xtask fuzz`: the fuzz targets of `fuzz/` by libFuzzer, with the pinned stable compiler.
//!
//! libFuzzer needs counters on every branch, which a pass of LLVM makes that stable rustc has too. It
//! needs no sanitizer: observer's parsers are safe Rust, built here with every check of a debug build.

mod build;
mod corpus;
mod run;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail};
use xtask::{apt, env};

use crate::duration;

/// A target, and the longest input that is tried: a few of the things that its parser takes.
#[derive(Clone, Copy)]
struct Target {
    name: &'static str,
    max_len: usize,
}

const TARGETS: [Target; 11] = [
    Target::new("btf", 6144),
    Target::new("cgroup", 1024),
    Target::new("config", 2048),
    Target::new("events", 1100),
    Target::new("headers", 512),
    Target::new("netlink", 1600),
    Target::new("proc", 1024),
    Target::new("query", 512),
    Target::new("records", 1600),
    Target::new("texts", 256),
    Target::new("web_config", 512),
];

impl Target {
    const fn new(name: &'static str, max_len: usize) -> Self {
        Self { name, max_len }
    }
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Targets, all where none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Time for each target, such as 60s or 10m
    #[arg(long = "for", value_name = "DUR", default_value = "60s", value_parser = duration::parse)]
    time: Duration,
    /// Inputs for each target, however long they take up to a day
    #[arg(long, value_name = "N", conflicts_with = "time")]
    runs: Option<u64>,
    /// Run one target on this input, to repeat what was found
    #[arg(long, value_name = "FILE", conflicts_with_all = ["time", "runs"])]
    input: Option<PathBuf>,
    /// Put the inputs that cover more than the committed corpora into them
    #[arg(long, conflicts_with_all = ["time", "runs", "input"])]
    merge: bool,
}

/// Time or number of inputs after which a target ends.
#[derive(Clone, Copy)]
enum Limit {
    Time(Duration),
    Runs(u64),
}

pub(crate) fn main(args: &Args) -> Result<()> {
    if args.targets.is_empty() && args.runs.is_none() && args.input.is_none() && !args.merge {
        return all_targets(args.time);
    }
    let targets = chosen(&args.targets)?;
    let programs = build(&targets)?;
    if let Some(input) = &args.input {
        let [program] = programs.as_slice() else {
            bail!("name the one target that --input is for");
        };
        return program.repeat(input);
    }
    if args.merge {
        return programs.iter().try_for_each(run::Program::merge);
    }
    let limit = args.runs.map_or(Limit::Time(args.time), Limit::Runs);
    fuzz(&programs, limit)
}

/// Every target for so long, at the lowest priority.
pub(crate) fn all_targets(time: Duration) -> Result<()> {
    fuzz(&build(&TARGETS)?, Limit::Time(time))
}

fn chosen(names: &[String]) -> Result<Vec<Target>> {
    if names.is_empty() {
        return Ok(TARGETS.to_vec());
    }
    let find = |name: &String| {
        let found = TARGETS.into_iter().find(|target| target.name == name);
        found.ok_or_else(|| {
            let all = TARGETS.map(|target| target.name).join(", ");
            anyhow::anyhow!("no target {name}: there are {all}")
        })
    };
    names.iter().map(find).collect()
}

fn build(targets: &[Target]) -> Result<Vec<run::Program>> {
    apt::install(&["g++"])?;
    let root = env::workspace_root();
    let programs = build::build(&root, targets)?;
    Ok(targets
        .iter()
        .map(|target| run::Program::new(&root, *target, &programs))
        .collect())
}

/// Folder of growing corpora, logs and built programs, beside what the workspace builds.
fn work_dir(root: &Path) -> PathBuf {
    env::target_dir(root).join("fuzz")
}

/// Runs one target after the other, all of them, and fails if one found something.
fn fuzz(programs: &[run::Program], limit: Limit) -> Result<()> {
    println!("{}", run::Report::HEADER);
    let mut found = Vec::new();
    for program in programs {
        match program.fuzz(limit) {
            Ok(report) => println!("{report}"),
            Err(error) => {
                println!("{:<11} FAILED", program.target.name);
                eprintln!("{error:#}");
                found.push(program.target.name);
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!("fuzzing failed: {}", found.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_a_program_of_the_package_with_a_corpus() {
        let fuzz = env::workspace_root().join("fuzz");
        let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        let programs = manifest.matches("[[bin]]").count();
        assert_eq!(programs, TARGETS.len());
        for target in TARGETS {
            let line = format!("name = \"{}\"", target.name);
            assert!(manifest.contains(&line), "{line}");
            assert!(fuzz.join("corpus").join(target.name).is_dir(), "{line}");
        }
    }
}
