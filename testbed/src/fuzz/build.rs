//! Builds the targets as `cargo fuzz build -s none` does.

use std::{path::Path, path::PathBuf};

use anyhow::Result;
use xtask::env;

use super::{Target, work_dir};

/// This machine; named, so that build scripts and macros are built without counters.
fn triple() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// Counts the branches taken, and tells libFuzzer what was compared with what.
const FLAGS: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg",
    "fuzzing",
];

/// Builds the targets; the folder that their programs are in.
pub(super) fn build(root: &Path, targets: &[Target]) -> Result<PathBuf> {
    let target_dir = work_dir(root).join("build");
    let triple = triple();
    let mut cargo = env::cargo();
    cargo
        .current_dir(root)
        .args(["build", "--quiet", "--locked", "--release"])
        .args(["--manifest-path", "fuzz/Cargo.toml"])
        .args(["--target", &triple])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    for target in targets {
        cargo.args(["--bin", target.name]);
    }
    env::run(&mut cargo)?;
    Ok(target_dir.join(triple).join("release"))
}
