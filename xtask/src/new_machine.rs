//! Runs tests as on a machine that nobody has prepared: with no tracefs and no debugfs mounted, no
//! configuration of observer's, an empty home and a temporary folder that no earlier run has left.

use std::{
    ffi::OsString,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use xtask::env;

/// The file to which a test that does not run adds a line (observer/tests/kit/require.rs).
const NOT_RUN: &str = "OBSERVER_NOT_RUN";

/// Unmounts what a new machine has not mounted, in a mount namespace of its own.
const SCRIPT: &str = r#"
for mount in /sys/kernel/tracing /sys/kernel/debug/tracing /sys/kernel/debug; do
    while umount -l "$mount" 2>/dev/null; do :; done
done
for folder in /etc/observer /var/lib/observer; do
    if [ -d "$folder" ]; then mount -t tmpfs tmpfs "$folder" || exit 125; fi
done
exec "$@"
"#;

/// Words that run what follows them, as root, without those mounts.
pub(crate) const WITHOUT_MOUNTS: [&str; 8] = [
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    SCRIPT,
    "sh",
];

/// Variables that lead to files of the user's, or change what observer does.
const REMOVED: &[&str] = &[
    "XDG_CACHE_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "OBSERVER_CONFIG",
    "OBSERVER_PATH",
    "OBSERVER_SCAN",
];

/// A new machine, as far as its tests can tell. Gone when dropped.
pub(crate) struct NewMachine {
    /// Short, since Unix sockets are made in it.
    folder: PathBuf,
    not_run: PathBuf,
}

impl NewMachine {
    pub(crate) fn new(root: &Path) -> Result<Self> {
        let name = format!("observer-tests-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // Tests that play an ordinary user read and write here too.
        fs::set_permissions(&folder, Permissions::from_mode(0o1777))?;
        fs::create_dir(folder.join("home"))?;
        let target = env::target_dir(root);
        fs::create_dir_all(&target)?;
        let not_run = target.join("tests-not-run.txt");
        if not_run.exists() {
            fs::remove_file(&not_run)?;
        }
        Ok(Self { folder, not_run })
    }

    /// The command, to be run there. Mounts are root's to change: an ordinary user keeps them.
    pub(crate) fn run(&self, command: &Command) -> Result<Command> {
        let mut run = if env::is_root() {
            let [unshare, words @ ..] = WITHOUT_MOUNTS;
            let mut run = Command::new(unshare);
            run.args(words).arg(command.get_program());
            run
        } else {
            Command::new(command.get_program())
        };
        run.args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            run.current_dir(folder);
        }
        for name in REMOVED {
            run.env_remove(name);
        }
        run.envs(self.variables()?);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => run.env(name, value),
                None => run.env_remove(name),
            };
        }
        Ok(run)
    }

    /// Environment of the tests; cargo and rustup find their own files all the same.
    fn variables(&self) -> Result<Vec<(&'static str, OsString)>> {
        let folder = &self.folder;
        let mut variables = vec![
            ("TMPDIR", folder.clone().into()),
            (NOT_RUN, self.not_run.clone().into()),
        ];
        let home = std::env::var_os("HOME").map(PathBuf::from);
        for (name, usual) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let set = std::env::var_os(name).filter(|value| !value.is_empty());
            let found = set.or_else(|| Some(home.as_ref()?.join(usual).into()));
            variables.push((name, found.context("HOME is not set")?));
        }
        variables.push(("HOME", folder.join("home").into()));
        Ok(variables)
    }

    /// Prints how many tests did not run, and which.
    pub(crate) fn report_not_run(&self) {
        let lines = fs::read_to_string(&self.not_run).unwrap_or_default();
        print!("{}", counted(&lines));
    }
}

impl Drop for NewMachine {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.folder);
    }
}

fn counted(lines: &str) -> String {
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    let mut tests: Vec<&str> = lines
        .iter()
        .map(|line| line.split_once(": ").map_or(*line, |(test, _)| test))
        .collect();
    tests.dedup();
    let verb = if tests.is_empty() {
        "every test ran".to_owned()
    } else {
        format!("{} tests did not run, or not all of them", tests.len())
    };
    let details: String = lines.iter().map(|line| format!("   {line}\n")).collect();
    format!("== {verb}\n{details}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_counts_once_whatever_it_lacks() {
        assert_eq!(counted(""), "== every test ran\n");
        assert_eq!(
            counted("b: root\na: root\nb: go\na: root\n"),
            "== 2 tests did not run, or not all of them\n   a: root\n   b: go\n   b: root\n"
        );
    }

    #[test]
    fn what_runs_there_finds_nothing_of_this_machines() {
        let folder = std::env::temp_dir().join(format!("observer-new-{}", std::process::id()));
        fs::create_dir_all(folder.join("home")).unwrap();
        let machine = NewMachine {
            folder,
            not_run: PathBuf::from("/nowhere"),
        };
        let mut print = Command::new("sh");
        print.args([
            "-c",
            "ls -A \"$HOME\"; grep -c tracefs /proc/self/mounts; true",
        ]);
        let found = env::stdout(&mut machine.run(&print).unwrap()).unwrap();
        if env::is_root() {
            assert_eq!(found, "0");
        }
    }
}
