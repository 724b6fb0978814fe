//! Corpora: committed seeds, and what grew from them on this machine.

use std::{fs, path::Path, process::Stdio};

use anyhow::{Context as _, Result};
use xtask::env;

use super::run::Program;

/// Committed at most, of each target: clones are to stay small.
const MOST_BYTES: u64 = 96 * 1024;

pub(super) fn count(dir: &Path) -> Result<usize> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    Ok(entries.count())
}

fn bytes(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// Adds to the seeds the grown inputs that cover branches which they do not: each branch once,
/// however often it is taken, the shortest input first.
pub(super) fn merge(program: &Program) -> Result<()> {
    if !program.grown.is_dir() {
        println!("{}: nothing has grown here", program.target.name);
        return Ok(());
    }
    let before = count(&program.seeds)?;
    env::run(
        program
            .command()
            // Counters say only whether.
            .args(["-merge=1", "-use_counters=0"])
            .args([&program.seeds, &program.grown])
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )?;
    let (after, bytes) = (count(&program.seeds)?, bytes(&program.seeds)?);
    let name = program.target.name;
    println!("{name}: {before} seeds, now {after} of {bytes} bytes");
    if bytes > MOST_BYTES {
        println!("{name}: more than {MOST_BYTES} bytes: leave the longest out");
    }
    Ok(())
}
