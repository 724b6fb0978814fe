//! The hash of what the eBPF object is made of.
//!
//! `observer/build.rs` includes this file by path and refuses an object whose recorded hash
//! differs; so it depends on `sha2` and the standard library only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

pub(crate) const BPF_LINKER_VERSION: &str = "0.13.0";

/// The profile of the eBPF build, as cargo `--config` values. It is kept apart from the
/// workspace's own profiles, so that tuning those leaves the object as it is.
pub(crate) const PROFILE: &[&str] = &[
    "profile.release.opt-level=3",
    "profile.release.debug=2",
    "profile.release.codegen-units=1",
    "profile.release.lto=\"fat\"",
    "profile.release.panic=\"abort\"",
    "profile.release.overflow-checks=false",
    "profile.release.debug-assertions=false",
    "profile.release.incremental=false",
];

/// Flags beyond the profile. Without `--btf` the maps and programs carry no type information.
pub(crate) const RUSTFLAGS: &[&str] = &["-Clink-arg=--btf"];

/// The hash of the object's sources in hexadecimal; `None` where they are not there, as in a
/// packaged crate.
pub(crate) fn source_hash(root: &Path) -> io::Result<Option<String>> {
    let Some(files) = source_files(root)? else {
        return Ok(None);
    };
    let mut hash = Sha256::new();
    let mut add = |name: &str, content: &[u8]| {
        // Lengths keep two neighbours from running into each other.
        hash.update(format!("{name}\0{}\0", content.len()));
        hash.update(content);
    };
    add("bpf-linker", BPF_LINKER_VERSION.as_bytes());
    add("profile", PROFILE.join("\n").as_bytes());
    add("rustflags", RUSTFLAGS.join("\n").as_bytes());
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy();
        let content = fs::read(&file)?;
        if name == "Cargo.lock" {
            let lock = String::from_utf8_lossy(&content);
            add(&name, locked_dependencies(&lock).as_bytes());
        } else {
            add(&name, &content);
        }
    }
    Ok(Some(
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    ))
}

/// The files that the hash is made of, sorted; `None` where the sources are not there.
pub(crate) fn source_files(root: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    if !root.join("observer-ebpf/Cargo.toml").is_file() {
        return Ok(None);
    }
    let mut files = vec![root.join("rust-toolchain.toml")];
    let lock = root.join("Cargo.lock");
    if lock.is_file() {
        files.push(lock);
    }
    for member in ["observer-common", "observer-ebpf"] {
        let member = root.join(member);
        files.push(member.join("Cargo.toml"));
        let build_script = member.join("build.rs");
        if build_script.is_file() {
            files.push(build_script);
        }
        add_files(&member.join("src"), &mut files)?;
    }
    files.sort();
    Ok(Some(files))
}

fn add_files(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            add_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Entries of the lock file for the registry crates below `observer-ebpf`, and nothing about
/// the others: a new version of a user-space dependency leaves the object as it is.
fn locked_dependencies(lock: &str) -> String {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        if let Some(name) = package.lines().find_map(|line| quoted(line, "name = ")) {
            packages.entry(name).or_default().push(package.trim());
        }
    }
    let mut todo = vec!["observer-ebpf"];
    let mut seen = BTreeSet::new();
    while let Some(name) = todo.pop() {
        for package in packages.get(name).into_iter().flatten() {
            // observer-common's only dependency is aya, for user space; its sources are hashed.
            let followed = name == "observer-ebpf" || package.contains("\nchecksum = ");
            if !followed || !seen.insert(*package) {
                continue;
            }
            let dependencies = package
                .lines()
                .filter_map(|line| quoted(line.trim_start(), ""));
            // An entry is "name" or "name version".
            todo.extend(dependencies.filter_map(|entry| entry.split(' ').next()));
        }
    }
    let registry: Vec<_> = seen
        .into_iter()
        .filter(|package| package.contains("\nchecksum = "))
        .collect();
    registry.join("\n\n")
}

fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (value, _) = line.strip_prefix(key)?.strip_prefix('"')?.split_once('"')?;
    Some(value)
}
