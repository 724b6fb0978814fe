//! Corpora: committed seeds, and what grew from them on this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use xtask::env;

/// Committed at most, of each target: clones are to stay small.
const MOST_BYTES: u64 = 96 * 1024;

/// Inputs of one target.
pub(super) struct Corpus {
    /// Folder of the committed ones.
    pub(super) seeds: PathBuf,
    /// Folder of those that were found to cover more, here.
    pub(super) grown: PathBuf,
}

impl Corpus {
    /// Adds to the seeds the grown inputs that cover branches which they do not: each branch once,
    /// however often it is taken, the shortest input first. `program` is the target's, called `name`.
    pub(super) fn merge(&self, name: &str, mut program: Command) -> Result<()> {
        if !self.grown.is_dir() {
            println!("{name}: nothing has grown here");
            return Ok(());
        }
        let before = count(&self.seeds)?;
        env::run(
            program
                // Counters say only whether.
                .args(["-merge=1", "-use_counters=0"])
                .args([&self.seeds, &self.grown])
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        let (after, bytes) = (count(&self.seeds)?, bytes(&self.seeds)?);
        println!("{name}: {before} seeds, now {after} of {bytes} bytes");
        if bytes > MOST_BYTES {
            println!("{name}: more than {MOST_BYTES} bytes: leave the longest out");
        }
        Ok(())
    }

    /// Number of inputs that were found here.
    pub(super) fn grown(&self) -> Result<usize> {
        count(&self.grown)
    }
}

fn count(dir: &Path) -> Result<usize> {
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
