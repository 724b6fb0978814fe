//! Fails the build when the embedded eBPF objects were built from other sources than these.

use std::path::Path;

#[path = "../xtask/src/source_hash.rs"]
mod source_hash;

fn main() -> std::io::Result<()> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.join("..");
    let recorded = manifest.join("src/kernel/bpf.sha256src");
    println!("cargo::rerun-if-changed={}", recorded.display());
    for file in source_hash::source_files(&root)?.into_iter().flatten() {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    // A packaged crate carries the object and not its sources.
    let Some(current) = source_hash::source_hash(&root)? else {
        return Ok(());
    };
    let recorded = std::fs::read_to_string(recorded).unwrap_or_default();
    if recorded.trim() != current {
        println!(
            "cargo::error=observer/src/kernel/*.bpf.o are stale: the kernel side's sources have changed since they were built. Run: cargo xtask ebpf"
        );
    }
    Ok(())
}
