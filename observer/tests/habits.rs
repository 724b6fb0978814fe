//! Habits of the tests: one that cannot run says so by `require`, and returns for nothing else.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "kit/require.rs"]
mod require;

use std::path::{Path, PathBuf};

use require::{Need, require};

/// Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| {
        if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        }
    });
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    found.filter(is_rust).collect()
}

/// Lines, counted from 1, at which a test ends early without having said so by `require`.
fn silent_returns(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let (mut in_test, mut is_role, mut has_result) = (false, false, false);
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        match line.trim() {
            "#[test]" => (in_test, is_role, has_result) = (true, false, false),
            signature if signature.starts_with("fn ") => has_result = signature.contains("->"),
            attribute if attribute.starts_with("#[ignore") => is_role = true,
            _ if in_test
                && !is_role
                && is_return(line, has_result)
                && !is_required(&lines[..at]) =>
            {
                found.push(at + 1);
            }
            _ => {}
        }
        // The end of a function, in a file or in a module of tests.
        if *line == "}" || (*line == "    }" && !text.contains("\n}\n\n#[test]")) {
            in_test = false;
        }
    }
    found
}

/// True if the line ends the test: in one without a result, `return Ok(())` is a closure's.
fn is_return(line: &str, has_result: bool) -> bool {
    let line = line.trim();
    line.starts_with("return;")
        || (has_result && line.starts_with("return Ok(())"))
        || line.ends_with("{ return };")
}

/// True if the condition before ends the test by `require`.
fn is_required(before: &[&str]) -> bool {
    let from = before
        .iter()
        .rposition(|line| line.trim().starts_with("if "));
    let Some(from) = from else { return false };
    let condition = before[from..]
        .iter()
        .map(|line| line.trim())
        .collect::<String>();
    condition.starts_with("if !require(")
        && condition.ends_with('{')
        && condition.matches('{').count() <= 2
}

#[test]
fn no_test_returns_in_silence() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = sources(&package.join("tests"));
    files.extend(sources(&package.join("src")));
    assert!(files.len() > 50, "{files:?}");
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = silent_returns(&text);
        found.extend(
            lines
                .iter()
                .map(|line| format!("{}:{line}", file.display())),
        );
    }
    assert!(
        found.is_empty(),
        "these tests return without `require`: {found:#?}"
    );
}

#[test]
fn a_silent_return_is_found() {
    let test =
        |body: &str| format!("#[test]\nfn name() {{\n{body}}}\n\nfn other() {{\n    return;\n}}\n");
    let silent = [
        "    if !privileged() {\n        return;\n    }\n",
        "    let Some(tmux) = start() else {\n        return;\n    };\n",
        "    let Some(tmux) = start() else { return };\n",
        "    if is_guest() {\n        eprintln!(\"not run\");\n        return;\n    }\n",
    ];
    for body in silent {
        assert_eq!(silent_returns(&test(body)).len(), 1, "{body}");
    }
    let result =
        "#[test]\nfn name() -> Result {\n    if !is_root() {\n        return Ok(());\n    }\n}\n";
    assert_eq!(silent_returns(result), [4]);
    let said = "    if !require([Need::Root]) {\n        return;\n    }\n";
    assert_eq!(silent_returns(&test(said)), [] as [usize; 0]);
    let long = "    if !require([\n        Need::Root,\n        Need::Native,\n    ]) {\n        return;\n    }\n";
    assert_eq!(silent_returns(&test(long)), [] as [usize; 0]);
}

#[test]
fn what_is_there_is_met() {
    assert!(require([Need::Program("sh"), Need::Program("/bin/sh")]));
    assert_eq!(Need::Program("go").to_string(), "the program go");
}

/// A variable decides whether an absence is a failure; it is set for a process of its own.
#[test]
fn an_absence_fails_where_every_test_is_demanded() {
    let run = |demanded: &str| {
        let file = std::env::temp_dir().join(format!("observer-not-run-{}", std::process::id()));
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "needs_what_is_nowhere", "--ignored"])
            .env("OBSERVER_REQUIRE_PRIVILEGED", demanded)
            .env("CI", "")
            .env("OBSERVER_NOT_RUN", &file);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        let _absent = std::fs::remove_file(&file);
        (output.status.success(), text, written)
    };
    let (succeeds, _, written) = run("");
    assert!(succeeds);
    assert!(
        written.contains("it needs the program no-such-program\n"),
        "{written}"
    );
    let (succeeds, text, _) = run("1");
    assert!(!succeeds);
    assert!(
        text.contains("this test needs the program no-such-program")
            && text.contains("`cargo xtask test` installs"),
        "{text}"
    );
}

#[test]
#[ignore = "a part of another test"]
fn needs_what_is_nowhere() {
    assert!(!require([Need::Program("no-such-program")]));
}
