//! `cargo xtask ebpf`: builds the eBPF objects, the same bytes in any folder.

use std::{
    env::var_os,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use xtask::env;

use crate::{
    linker::Toolchain,
    source_hash::{PROFILE, RUSTFLAGS, source_hash},
    strip,
};

const TARGET: &str = "bpfel-unknown-none";
/// The binaries of `observer-ebpf`, each with the object that it becomes.
const OBJECTS: [(&str, &str); 4] = [
    ("scan", "observer/src/kernel/scan.bpf.o"),
    ("summary", "observer/src/kernel/summary.bpf.o"),
    ("hooks", "observer/src/kernel/hooks.bpf.o"),
    ("floors", "observer/examples/floors/floors.bpf.o"),
];
/// The hash of the sources that the objects were built from.
const RECORD: &str = "observer/src/kernel/bpf.sha256src";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compare a fresh build with the committed object instead of replacing it
    #[arg(long)]
    check: bool,
}

impl Args {
    pub(crate) fn check() -> Self {
        Self { check: true }
    }
}

pub(crate) fn main(args: &Args) -> Result<()> {
    let root = env::workspace_root();
    let hash = source_hash(&root)?.context("observer-ebpf/ is missing")?;
    let folder = build(&root, args.check)?;
    for (binary, object) in OBJECTS {
        let linked = fs::read(folder.join(binary))?;
        let built = strip::without_dwarf(&linked).context("cannot strip the object")?;
        if args.check {
            check(&root, object, &built)?;
        } else {
            write_if_changed(&root.join(object), &built)?;
            println!("{object}: {} bytes", built.len());
        }
    }
    let record = root.join(RECORD);
    if !args.check {
        return write_if_changed(&record, format!("{hash}\n").as_bytes());
    }
    let recorded = fs::read_to_string(&record).unwrap_or_default();
    if recorded.trim_end() != hash {
        bail!("{RECORD} is older than the sources: run `cargo xtask ebpf` and commit the result");
    }
    Ok(())
}

fn check(root: &Path, object: &str, built: &[u8]) -> Result<()> {
    let committed = fs::read(root.join(object)).unwrap_or_default();
    if committed != built {
        bail!(
            "{object} differs from what its sources build here: run `cargo xtask ebpf` and commit the result"
        );
    }
    println!("{object} is what its sources build ({} bytes)", built.len());
    Ok(())
}

/// Leaves an equal file's time stamp alone, so that user space is not compiled again.
fn write_if_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(());
    }
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

fn build(root: &Path, from_scratch: bool) -> Result<PathBuf> {
    let target_dir = env::target_dir(root).join(if from_scratch { "ebpf-check" } else { "ebpf" });
    if from_scratch && target_dir.exists() {
        fs::remove_dir_all(&target_dir)?;
    }
    env::run(command(root, "build")?.arg("--target-dir").arg(&target_dir))?;
    Ok(target_dir.join(TARGET).join("release"))
}

pub(crate) fn clippy(root: &Path) -> Result<()> {
    let mut command = command(root, "clippy")?;
    command
        .arg("--target-dir")
        .arg(env::target_dir(root).join("ebpf"));
    env::run(command.args(["--", "-Dwarnings"]))
}

/// The cargo call that `build` and `clippy` of the kernel side share.
fn command(root: &Path, subcommand: &str) -> Result<Command> {
    let toolchain = Toolchain::pinned(root)?;
    // Unpacks the crates, whose folders the prefixes below name.
    env::run(env::cargo().current_dir(root).args(["fetch", "--quiet"]))?;
    let core_source = toolchain.core_source()?;
    let linker = toolchain.bpf_linker()?;

    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let mut flags: Vec<String> = RUSTFLAGS.iter().map(ToString::to_string).collect();
    // The last prefix that matches wins. Registry crates lie in a folder named by the registry,
    // differently for a mirror.
    let cargo_home = cargo_home()?;
    flags.push(remap(&cargo_home, "/cargo"));
    for registry in fs::read_dir(cargo_home.join("registry/src"))
        .into_iter()
        .flatten()
    {
        flags.push(remap(&registry?.path(), "/cargo/crates"));
    }
    flags.push(remap(&core_source, "/rust"));
    flags.push(remap(root, "/observer"));

    let mut command = env::cargo();
    command
        .current_dir(root)
        .args([subcommand, "--package", "observer-ebpf", "--release"])
        .args(["--target", TARGET, "-Zbuild-std=core"])
        .args(PROFILE.iter().flat_map(|value| ["--config", value]))
        // The crate is `no_std` and the compiler is stable: -Zbuild-std asks for this.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", linker)
        .env("LD_LIBRARY_PATH", toolchain.lib())
        .env_remove("RUSTFLAGS");
    Ok(command)
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    let home = var_os("HOME").context("neither CARGO_HOME nor HOME is set")?;
    Ok(PathBuf::from(home).join(".cargo"))
}
