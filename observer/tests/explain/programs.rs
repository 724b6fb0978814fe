//! Programs that are there to be explained: as people write them, and with the change that
//! `observer explain` prints for them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The distribution's own, whose libraries are packages.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// Whether a program is there. Where it is promised it must be; elsewhere it is said that a part is
/// not tested.
pub(crate) fn promised(program: &str) -> bool {
    let there = if program.contains('/') {
        Path::new(program).exists()
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).exists())
    };
    absent(there, program)
}

/// The same for a Python library.
pub(crate) fn promised_library(library: &str) -> bool {
    let import = Command::new(PYTHON)
        .args(["-c", &format!("import {library}")])
        .stderr(Stdio::null())
        .status();
    absent(import.is_ok_and(|status| status.success()), library)
}

fn absent(there: bool, what: &str) -> bool {
    let must = std::env::var_os("OBSERVER_REQUIRE_PRIVILEGED").is_some()
        || std::env::var_os("CI").is_some();
    assert!(
        there || !must,
        "this test needs {what}, which `cargo xtask test` installs"
    );
    if !there {
        eprintln!("not run with {what}: it is not installed");
    }
    there
}

/// A folder for the sources and programs of this test. Gone when dropped.
pub(crate) struct Workshop(PathBuf);

impl Workshop {
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("observer-explain-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// Writes a source, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Where a program that is built goes.
    pub(crate) fn output(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Runs a compiler.
pub(crate) fn build(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A program that waits for an answer. Killed when dropped.
pub(crate) struct Waiting(Child);

impl Waiting {
    /// Starts it in the network namespace of the calling thread.
    pub(crate) fn start(command: &[String]) -> Self {
        let (program, arguments) = command.split_first().unwrap();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        for proxy in [
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "HTTP_PROXY",
            "ALL_PROXY",
        ] {
            command.env_remove(proxy);
        }
        Self(command.spawn().unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Why it is not waiting any more, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<String> {
        self.0.try_wait().unwrap().map(|status| status.to_string())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
