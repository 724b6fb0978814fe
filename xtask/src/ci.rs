//! `cargo xtask ci`: what `.ci/run` asks for beside the tests.

use anyhow::Result;
use xtask::{apt, env};

use crate::{ebpf, imports, step::step, tools};

/// A workspace of its own.
const FUZZ: &str = "fuzz/Cargo.toml";

pub(crate) fn main() -> Result<()> {
    let root = env::workspace_root();
    let cargo = |args: &[&str]| env::run(env::cargo().current_dir(&root).args(args));

    step("Cargo.lock is complete", || {
        cargo(&["fetch", "--locked"])?;
        // cargo-deny reads the sources of every target, without a network.
        cargo(&["fetch", "--locked", "--manifest-path", FUZZ])
    })?;
    step("format", || {
        cargo(&["fmt", "--all", "--check"])?;
        cargo(&["fmt", "--manifest-path", FUZZ, "--check"])
    })?;
    step("imports", || imports::check(&root))?;
    // Kernel and user code are never linted in one call: their targets, profiles and sysroots
    // differ.
    step("lints, user side", || {
        cargo(&[
            "clippy",
            "--workspace",
            "--exclude=observer-ebpf",
            "--all-targets",
            "--locked",
            "--",
            "-Dwarnings",
        ])
    })?;
    step("lints, kernel side", || ebpf::clippy(&root))?;
    step("lints, fuzz targets", || {
        // libFuzzer is C++, and its crate compiles it.
        apt::install(&["g++"])?;
        let mut clippy = env::cargo();
        clippy
            .current_dir(&root)
            .args(["clippy", "--locked", "--manifest-path", FUZZ])
            .arg("--target-dir")
            .arg(env::target_dir(&root));
        env::run(clippy.args(["--", "-Dwarnings"]))
    })?;
    step("the committed eBPF object", || {
        ebpf::main(&ebpf::Args::check())
    })?;
    step("licences and sources of dependencies", || {
        let check = |words: &[&str]| {
            let mut deny = tools::DENY.command()?;
            deny.current_dir(&root).arg("--offline").args(words);
            deny.args(["check", "--hide-inclusion-graph"]);
            env::run(deny.args(["licenses", "bans", "sources"]))
        };
        check(&[])?;
        check(&["--manifest-path", FUZZ])
    })
}
