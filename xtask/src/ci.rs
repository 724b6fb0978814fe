//! `cargo xtask ci`: what `.ci/run` asks for beside the tests.

use anyhow::Result;

use crate::{ebpf, env, step::step, tools};

pub(crate) fn main() -> Result<()> {
    let root = env::workspace_root();
    let cargo = |args: &[&str]| env::run(env::cargo().current_dir(&root).args(args));

    step("Cargo.lock is complete", || cargo(&["fetch", "--locked"]))?;
    step("format", || cargo(&["fmt", "--all", "--check"]))?;
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
    step("the committed eBPF object", || {
        ebpf::main(&ebpf::Args::check())
    })?;
    step("licences and sources of dependencies", || {
        let check = [
            "check",
            "--hide-inclusion-graph",
            "licenses",
            "bans",
            "sources",
        ];
        env::run(
            tools::DENY
                .command()?
                .current_dir(&root)
                .arg("--offline")
                .args(check),
        )
    })
}
