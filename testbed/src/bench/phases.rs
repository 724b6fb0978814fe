//! Phases of `observer list` and the time of each, as it reports them.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::stat::median;

/// Each phase of a command, a round each, and what lies outside all phases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Phases {
    pub(super) command: String,
    took_ms: Vec<(String, Vec<f64>)>,
}

impl Phases {
    pub(super) fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            took_ms: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, name: &str, took_ms: f64) {
        match self.took_ms.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(took_ms),
            None => self.took_ms.push((name.to_owned(), vec![took_ms])),
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.took_ms.iter().map(|(name, _)| name.as_str())
    }

    /// `None` for a phase that the command does not have.
    pub(super) fn median_ms(&self, name: &str) -> Option<f64> {
        let (_, values) = self.took_ms.iter().find(|(known, _)| known == name)?;
        Some(median(values.iter().copied()))
    }
}

/// Reads lines such as `… DEBUG observer::cli::list: scan took 66.12 ms`.
pub(super) fn phases(stderr: &str) -> Vec<(&str, f64)> {
    let phase = |line| {
        let (before, took): (&str, &str) = str::split_once(line, " took ")?;
        let took_ms = took.strip_suffix(" ms")?.parse().ok()?;
        let (_, name) = before.rsplit_once(' ')?;
        Some((name, took_ms))
    };
    stderr.lines().filter_map(phase).collect()
}

/// Reads `scan_ms` from the beginning of the JSON document.
pub(super) fn scan_ms(head: &[u8]) -> Result<f64> {
    let text = String::from_utf8_lossy(head);
    text.split_once("\"scan_ms\":")
        .and_then(|(_, rest)| rest.split([',', '}']).next())
        .and_then(|number| number.trim().parse().ok())
        .context("the JSON document begins without scan_ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_read_among_other_lines() {
        let stderr = "observer: a notice\n\
            2026-01-01T00:00:00Z DEBUG observer::cli::list: btf took 2.53 ms\n\
            2026-01-01T00:00:00Z DEBUG observer::kernel: something took long\n\
            2026-01-01T00:00:00Z DEBUG observer::cli::list: scan took 66.10 ms\n";
        assert_eq!(phases(stderr), [("btf", 2.53), ("scan", 66.1)]);
    }

    #[test]
    fn medians_are_of_each_phase() {
        let mut phases = Phases::new("observer list");
        for (name, took_ms) in [("scan", 3.0), ("print", 9.0), ("scan", 5.0)] {
            phases.add(name, took_ms);
        }
        assert_eq!(phases.names().collect::<Vec<_>>(), ["scan", "print"]);
        assert_eq!(phases.median_ms("scan"), Some(4.0));
        assert_eq!(phases.median_ms("btf"), None);
    }

    #[test]
    fn scan_ms_is_read_from_an_incomplete_document() {
        let head = "{\"version\":1,\"scan_ms\":23.8,\"sockets\":[{\"co";
        assert_eq!(scan_ms(head.as_bytes()).unwrap(), 23.8);
        assert!(scan_ms(b"{}").is_err());
    }
}
