//! Content of a guest: the test programs of `observer`, or one command.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};

use super::Args;
use crate::env;

/// Cargo's profile of what they run.
pub const PROFILE: &str = "guest";

/// The test programs (`observer/tests/NAME.rs`) that run on every kernel of the matrix.
pub(crate) const GUEST_TESTS: &[&str] = &[
    "parity",
    "layout",
    "ownerless",
    "hooks_set",
    "hooks_life",
    "hooks_log",
    "cli_bad_input",
    "doctor",
    "watch_lines",
    "summary",
    "agent",
];

/// Those of them that run only on the first and the last kernel: they take long, and what they try is
/// either the same everywhere or differs between the ends.
const AT_THE_ENDS: &[&str] = &["doctor", "agent"];

#[derive(Clone, Default)]
pub(crate) struct Payload {
    /// Host path and guest path; a folder with everything in it.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Guest path and target.
    pub(crate) links: Vec<(String, String)>,
    pub(crate) steps: Vec<Step>,
}

/// One program run in the guest.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) folder: String,
    pub(crate) command: Vec<String>,
}

impl Payload {
    pub(crate) fn build(root: &Path, args: &Args) -> Result<Self> {
        let mut payload = Self::default();
        for added in &args.add {
            let (host, guest) = added.split_once(':').unwrap_or((added, added));
            let host = std::path::absolute(host)?;
            if !host.exists() {
                bail!("--add: {} does not exist", host.display());
            }
            payload.files.push((host, guest.to_owned()));
        }
        if args.command.is_empty() {
            let tests: Vec<&str> = if args.test.is_empty() {
                GUEST_TESTS.to_vec()
            } else {
                args.test.iter().map(String::as_str).collect()
            };
            payload.add_tests(root, &tests)?;
        } else {
            let built = build(root, &["build", "--bins"])?;
            payload.add_observer(&built)?;
            payload.steps.push(Step {
                name: "command".to_owned(),
                folder: "/tmp".to_owned(),
                command: args.command.clone(),
            });
        }
        Ok(payload)
    }

    /// Payload of a kernel between the first and the last: hooks by tracepoint are tried there and
    /// on this host.
    pub(crate) fn between(&self) -> Self {
        let mut lighter = self.clone();
        lighter
            .steps
            .retain(|step| !AT_THE_ENDS.contains(&step.name.as_str()));
        for step in &mut lighter.steps {
            let by_trampoline = ["env", "OBSERVER_TEST_HOOKS=trampoline"];
            step.command.splice(0..0, by_trampoline.map(str::to_owned));
        }
        lighter
    }

    fn add_tests(&mut self, root: &Path, tests: &[&str]) -> Result<()> {
        let missing: Vec<_> = tests
            .iter()
            .map(|name| format!("observer/tests/{name}.rs"))
            .filter(|file| !root.join(file).is_file())
            .collect();
        if !missing.is_empty() {
            bail!(
                "these tests of the guests do not exist: {}",
                missing.join(", ")
            );
        }
        let mut command = vec!["test", "--no-run"];
        for test in tests {
            command.extend(["--test", test]);
        }
        let built = build(root, &command)?;
        self.add_observer(&built)?;

        // A test finds the files beside it by its package's folder, so they keep their paths.
        let package = root.join("observer");
        let folder = package.to_string_lossy().into_owned();
        let beside = package.join("tests");
        self.files
            .push((beside.clone(), beside.to_string_lossy().into_owned()));

        for test in tests {
            let program = find(&built, test)
                .with_context(|| format!("cargo built no test program {test}"))?;
            let guest = format!("/tests/{test}");
            self.files.push((program.clone(), guest.clone()));
            self.steps.push(Step {
                name: (*test).to_owned(),
                folder: folder.clone(),
                command: vec![guest, "--test-threads=2".to_owned()],
            });
        }
        Ok(())
    }

    fn add_observer(&mut self, built: &[(String, PathBuf)]) -> Result<()> {
        let observer = find(built, "observer").context("cargo built no program observer")?;
        self.files
            .push((observer.clone(), "/bin/observer".to_owned()));
        // The path that cargo compiled into the tests, as CARGO_BIN_EXE_observer.
        let compiled_in = observer.to_string_lossy().into_owned();
        self.links.push((compiled_in, "/bin/observer".to_owned()));
        Ok(())
    }
}

/// The guests' test programs, built for this host: name and path.
pub fn test_programs(root: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut command = vec!["test", "--no-run"];
    for test in GUEST_TESTS {
        command.extend(["--test", test]);
    }
    let built = build(root, &command)?;
    let program = |test| {
        let program = find(&built, test).with_context(|| format!("cargo built no {test}"))?;
        Ok((test, program.clone()))
    };
    GUEST_TESTS.iter().copied().map(program).collect()
}

fn find<'a>(built: &'a [(String, PathBuf)], name: &str) -> Option<&'a PathBuf> {
    let (_, program) = built.iter().find(|(target, _)| target == name)?;
    Some(program)
}

/// Builds package observer and returns its programs: target name and path.
fn build(root: &Path, command: &[&str]) -> Result<Vec<(String, PathBuf)>> {
    let messages = env::stdout(
        env::cargo()
            .current_dir(root)
            .args(command)
            .args(["--package", "observer", "--profile", PROFILE])
            .arg("--message-format=json-render-diagnostics")
            .stderr(Stdio::inherit()),
    )?;
    let mut programs = Vec::new();
    for line in messages.lines() {
        let message: serde_json::Value = serde_json::from_str(line)?;
        let text = |pointer| message.pointer(pointer).and_then(serde_json::Value::as_str);
        if let (Some(name), Some(program)) = (text("/target/name"), text("/executable")) {
            programs.push((name.to_owned(), PathBuf::from(program)));
        }
    }
    Ok(programs)
}
