//! What a fleet runs the agent by, in `dist/`: each file is taken by the program that it is for, and
//! they agree with each other.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "dist/config.rs"]
mod config;
#[path = "dist/grafana.rs"]
mod grafana;
#[path = "dist/http.rs"]
mod http;
#[path = "dist/kubernetes.rs"]
mod kubernetes;
#[path = "dist/metrics.rs"]
mod metrics;
#[path = "dist/prometheus.rs"]
mod prometheus;
#[path = "dist/rules.rs"]
mod rules;
#[path = "dist/systemd.rs"]
mod systemd;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of `dist/`.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../dist")
        .join(name)
}

/// Its text.
fn text(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether a program is there. Where it is promised it must be; elsewhere it is said that the test
/// does not run.
fn promised(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    let must = std::env::var_os("OBSERVER_REQUIRE_PRIVILEGED").is_some()
        || std::env::var_os("CI").is_some();
    assert!(
        there || !must,
        "this test needs {program}, which `cargo xtask test` installs"
    );
    if !there {
        eprintln!("not run: {program} is not installed");
    }
    there
}

/// What the program says, on both outputs, and whether it ended well.
fn said(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

/// A folder of this test's own. Gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("observer-dist-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// Writes a file, and returns its path.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left = std::fs::remove_dir_all(&self.0);
    }
}
