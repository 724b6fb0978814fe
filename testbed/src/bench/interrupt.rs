//! Ends what the benchmark has started when it is ended itself.

use std::{fs, path::PathBuf, process::Command, thread};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// Everything that has a name outside of this process begins with it: folders and
/// terminals.
pub(super) fn name(of: &str) -> String {
    format!("observer-bench-{}{of}", std::process::id())
}

/// From here on, SIGINT, SIGTERM and SIGHUP end the children too, and remove what has a [`name`].
pub(super) fn clean_up_on_signals() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot await signals")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            clean_up();
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

fn clean_up() {
    for child in children() {
        let _gone = kill_process(child, Signal::TERM);
    }
    for terminal in ["-observer", "-ss"] {
        let socket = name(terminal);
        let mut end = Command::new("tmux");
        // What fails here was not there.
        let _gone = end.args(["-L", &socket, "kill-server"]).output();
    }
    let prefix = name("");
    for folder in ["/dev/shm", "/tmp"] {
        for scratch in named(folder, &prefix) {
            let _gone = fs::remove_dir_all(scratch);
        }
    }
}

fn named(folder: &str, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect()
}

fn children() -> Vec<Pid> {
    let threads = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.filter_map(Pid::from_raw).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_found() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .unwrap();
        let found = children().contains(&pid);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found);
    }
}
