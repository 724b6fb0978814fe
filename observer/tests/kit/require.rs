//! Needs of a test, and what it means that one is not met.
//!
//! Where the environment demands every test (`CI`, `OBSERVER_REQUIRE_PRIVILEGED`), it fails and names
//! what is missing. Elsewhere it says so on stderr and in the file that `OBSERVER_NOT_RUN` names, from
//! which `cargo xtask test` prints how many tests did not run.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::panic,
    reason = "shared by several test programs, each of which uses a part"
)]

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// One thing that a test does not work without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Every right.
    Root,
    /// A program of the `PATH`, or one named by its path.
    Program(&'static str),
    /// A library of the distribution's Python.
    PythonLibrary(&'static str),
    /// The developer's or the CI's own machine: what is the same on every kernel is tried on one.
    Native,
    /// A guest of `cargo xtask vm`: it has devices that a host lacks.
    Guest,
    /// Something that not every kernel has, tried by the test.
    Kernel {
        /// The thing.
        feature: &'static str,
        /// The kernel's answer; `None` if it has it.
        lack: Option<String>,
        /// The kernel series of the guests that have not got it. All others have.
        unless: &'static [&'static str],
    },
}

/// The distribution's own, whose libraries are packages.
pub const PYTHON: &str = "/usr/bin/python3";

/// The series of the guest's kernel, such as `5.10`; `None` outside of guests.
pub fn guest_series() -> Option<String> {
    std::env::var("OBSERVER_KERNEL_SERIES").ok()
}

/// True if everything that the test needs is there. If not, it must return.
///
/// # Panics
/// Something is missing, and every test is demanded here.
#[must_use]
pub fn require(needs: impl IntoIterator<Item = Need>) -> bool {
    let missing: Vec<Need> = needs.into_iter().filter(|need| !need.is_met()).collect();
    for need in &missing {
        assert!(
            !need.is_demanded(),
            "this test needs {need}, and may not be left out here: {}",
            need.remedy()
        );
        report(need);
    }
    missing.is_empty()
}

/// True if the environment demands that every test runs.
pub fn demands_all() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("OBSERVER_REQUIRE_PRIVILEGED") || set("CI")
}

impl Need {
    fn is_met(&self) -> bool {
        match self {
            Self::Root => rustix::process::geteuid().is_root(),
            Self::Program(name) => is_program(name),
            Self::PythonLibrary(name) => has_library(name),
            Self::Native => guest_series().is_none(),
            Self::Guest => guest_series().is_some(),
            Self::Kernel { lack, unless, .. } => {
                let series = guest_series();
                let is_exception = series.is_some_and(|s| unless.contains(&s.as_str()));
                assert!(
                    !is_exception || lack.is_some(),
                    "this kernel was thought to be without {self}, and has it"
                );
                lack.is_none()
            }
        }
    }

    /// True if its absence is a failure here. What only one kind of machine can have is demanded of
    /// none; what a kernel has is known of guests alone.
    fn is_demanded(&self) -> bool {
        match self {
            Self::Root | Self::Program(_) | Self::PythonLibrary(_) => demands_all(),
            Self::Native | Self::Guest => false,
            Self::Kernel { unless, .. } => {
                guest_series().is_some_and(|series| !unless.contains(&series.as_str()))
            }
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Root => "run it as root, as `cargo xtask test` does".to_owned(),
            Self::Program(_) | Self::PythonLibrary(_) => {
                "`cargo xtask test` installs what tests need".to_owned()
            }
            Self::Native => "run it outside of guests".to_owned(),
            Self::Guest => "`cargo xtask vm` runs it in one".to_owned(),
            Self::Kernel { lack, .. } => lack.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Program(name) => write!(f, "the program {name}"),
            Self::PythonLibrary(name) => write!(f, "the Python library {name}"),
            Self::Native => f.write_str("a machine that is no guest"),
            Self::Guest => f.write_str("a guest"),
            Self::Kernel { feature, .. } => write!(f, "a kernel with {feature}"),
        }
    }
}

fn is_program(name: &str) -> bool {
    if name.contains('/') {
        return Path::new(name).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).exists())
}

fn has_library(name: &str) -> bool {
    let import = Command::new(PYTHON)
        .args(["-c", &format!("import {name}")])
        .stderr(Stdio::null())
        .status();
    import.is_ok_and(|status| status.success())
}

/// One line for each thing that is missing. Not by `eprintln!`, which the test harness keeps for
/// tests that fail.
fn report(need: &Need) {
    let test = std::env::var("NEXTEST_TEST_NAME").ok().or_else(|| {
        let thread = std::thread::current();
        thread.name().map(str::to_owned)
    });
    let test = test.unwrap_or_else(|| "a test".to_owned());
    let line = format!("{test}: not run, or not all of it: it needs {need}\n");
    let _closed = std::io::stderr().write_all(line.as_bytes());
    let Some(path) = std::env::var_os("OBSERVER_NOT_RUN") else {
        return;
    };
    let file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        panic!("OBSERVER_NOT_RUN: {error}");
    }
}
