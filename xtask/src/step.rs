//! Names and times the steps of a long run.

use std::time::Instant;

use anyhow::{Context as _, Result};

pub(crate) fn step(name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n== {name}");
    let started = Instant::now();
    let result = work().context(name);
    let outcome = if result.is_ok() { "done" } else { "failed" };
    println!(
        "== {name}: {outcome} after {:.1} s",
        started.elapsed().as_secs_f64()
    );
    result
}
