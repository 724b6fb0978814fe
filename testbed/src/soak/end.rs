//! Programs, maps and links that the kernel holds for the agent, and those left when it is gone.

use std::{collections::BTreeSet, fs, process::Command, thread::sleep, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::Value;
use xtask::env;

/// The name of the map of notes, as the kernel has it.
const NOTES: &str = "OBSERVER_NOTES";
const KINDS: [(&str, &str); 3] = [
    ("prog_id:", "prog"),
    ("map_id:", "map"),
    ("link_id:", "link"),
];

/// Programs, maps and links: the kind, and the number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held(BTreeSet<(&'static str, u64)>);

impl Held {
    /// Objects that the descriptors of a process hold, and the maps that its programs hold.
    pub(super) fn by(pid: u32) -> Result<Self> {
        let mut held = BTreeSet::new();
        let folder = fs::read_dir(format!("/proc/{pid}/fdinfo")).context("the agent is gone")?;
        for entry in folder.flatten() {
            // It may close one meanwhile.
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            held.extend(text.lines().filter_map(object));
        }
        let programs: Vec<_> = held.iter().filter(|(kind, _)| *kind == "prog").collect();
        let shown = programs
            .iter()
            .filter_map(|(kind, number)| show(kind, *number));
        let maps: Vec<u64> = shown.flat_map(|shown| maps_of(&shown)).collect();
        held.extend(maps.into_iter().map(|map| ("map", map)));
        Ok(Self(held))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Number of them that the kernel still has, when it has had time to let them go.
    pub(super) fn left(&self) -> usize {
        const TURNS: u32 = 50;
        const NAP: Duration = Duration::from_millis(100);
        let mut left = self.count();
        for _ in 0..TURNS {
            let is_left = |(kind, number): &&(&str, u64)| show(kind, *number).is_some();
            left = self.0.iter().filter(is_left).count();
            if left == 0 {
                break;
            }
            sleep(NAP);
        }
        left
    }

    /// Number of sockets in the map of tracked sockets: the least of some counts, since others' sockets
    /// come and go meanwhile. `None` where there is no such map.
    pub(super) fn notes(&self) -> Option<usize> {
        const TURNS: u32 = 5;
        const NAP: Duration = Duration::from_millis(500);
        let counts = (0..TURNS).map(|_| {
            sleep(NAP);
            self.count_notes()
        });
        counts.min().flatten()
    }

    /// By the map's keys.
    fn count_notes(&self) -> Option<usize> {
        let is_notes = |number: u64| {
            let shown = show("map", number)?;
            (shown["name"] == NOTES).then_some(number)
        };
        let mut maps = self.0.iter().filter(|(kind, _)| *kind == "map");
        let map = maps.find_map(|(_, number)| is_notes(*number))?;
        let entries = bpftool(&["map", "dump", "id", &map.to_string()])?;
        let is_socket = |entry: &&Value| {
            let key = entry["key"].as_array();
            key.is_some_and(|key| key.iter().any(|byte| byte != "0x00"))
        };
        // The header's key is 0.
        Some(entries.as_array()?.iter().filter(is_socket).count())
    }
}

/// Of a line that begins with `prog_id:` or the like.
fn object(line: &str) -> Option<(&'static str, u64)> {
    let (key, number) = line.split_once(char::is_whitespace)?;
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == key)?;
    Some((kind, number.trim().parse().ok()?))
}

fn maps_of(program: &Value) -> Vec<u64> {
    let maps = program["map_ids"].as_array().into_iter().flatten();
    maps.filter_map(Value::as_u64).collect()
}

fn show(kind: &str, number: u64) -> Option<Value> {
    bpftool(&[kind, "show", "id", &number.to_string()])
}

/// None where there is no such thing.
fn bpftool(words: &[&str]) -> Option<Value> {
    let program = env::find_program("bpftool")?;
    let output = Command::new(program).arg("-j").args(words).output().ok()?;
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    (output.status.success() && answer.get("error").is_none()).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_descriptor_holds_is_found_by_its_line() {
        assert_eq!(object("prog_id:\t12"), Some(("prog", 12)));
        assert_eq!(object("link_id:\t7"), Some(("link", 7)));
        assert_eq!(object("pos:\t0"), None);
        assert_eq!(object("map_id:"), None);
        let program = serde_json::json!({ "id": 3, "map_ids": [4, 5] });
        assert_eq!(maps_of(&program), [4, 5]);
    }
}
