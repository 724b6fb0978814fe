//! Objects of a process that the kernel holds, as bpftool shows it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The map of notes: one entry a socket, and a header with key 0.
const NOTES: &str = "OBSERVER_NOTES";

/// Programs, maps and links, by number.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub programs: BTreeSet<u64>,
    pub maps: BTreeSet<u64>,
    pub links: BTreeSet<u64>,
}

impl Held {
    /// Objects that the descriptors of a process hold, and the maps that its programs hold.
    pub fn by(pid: u32) -> Self {
        let mut held = Self::default();
        for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap() {
            // It may close one meanwhile.
            let Ok(text) = std::fs::read_to_string(entry.unwrap().path()) else {
                continue;
            };
            for line in text.lines() {
                let mut words = line.split_whitespace();
                let (Some(key), Some(Ok(number))) =
                    (words.next(), words.next().map(str::parse::<u64>))
                else {
                    continue;
                };
                let of = match key {
                    "prog_id:" => &mut held.programs,
                    "map_id:" => &mut held.maps,
                    "link_id:" => &mut held.links,
                    _ => continue,
                };
                of.insert(number);
            }
        }
        for program in &held.programs {
            let Some(shown) = show("prog", *program) else {
                continue;
            };
            let maps = shown["map_ids"].as_array().into_iter().flatten();
            held.maps.extend(maps.filter_map(Value::as_u64));
        }
        held
    }

    /// Those that the kernel still has.
    pub fn left(&self) -> Self {
        let left = |kind: &str, numbers: &BTreeSet<u64>| {
            let there = |number: &&u64| show(kind, **number).is_some();
            numbers.iter().filter(there).copied().collect()
        };
        Self {
            programs: left("prog", &self.programs),
            maps: left("map", &self.maps),
            links: left("link", &self.links),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Number of sockets in its map of notes.
    pub fn notes(&self) -> usize {
        let of_name = |number: &&u64| show("map", **number).is_some_and(|m| m["name"] == NOTES);
        let map = self.maps.iter().find(of_name).expect("a map of notes");
        let entries = run(&["map", "dump", "id", &map.to_string()]).unwrap();
        let entries = entries.as_array().unwrap();
        let header = |entry: &&Value| {
            let key = entry["key"].as_array().unwrap();
            key.iter().all(|byte| byte == "0x00")
        };
        entries.len() - entries.iter().filter(header).count()
    }
}

fn show(kind: &str, number: u64) -> Option<Value> {
    run(&[kind, "show", "id", &number.to_string()])
}

/// `None` where there is no such thing.
fn run(arguments: &[&str]) -> Option<Value> {
    let output = Command::new("bpftool")
        .arg("--json")
        .args(arguments)
        .output()
        .expect("bpftool runs; apt-get install bpftool");
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    (output.status.success() && answer.get("error").is_none()).then_some(answer)
}

/// Every file below the BPF file system's usual place.
pub fn pinned() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            walk(&path, found);
            found.push(path);
        }
    }
    let mut found = Vec::new();
    walk(Path::new("/sys/fs/bpf"), &mut found);
    found.sort();
    found
}
