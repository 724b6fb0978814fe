//! Reload of a configuration: the files that are read again, and the keys that wait for a restart.
//!
//! Patterns here name every key of the sections: one that is new does not compile until it is said
//! what a reload does with it.

use std::path::Path;

use super::agent::Tls;
use super::alert::SinkEntry;
use super::listen::Listen;
use super::{AgentSection, AlertSection, Config};

impl Config {
    /// Files that are read besides the configuration itself, and again at a reload. A confined agent
    /// reads no others.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        let Self {
            path: _,
            scan: _,
            agent,
            alert,
        } = self;
        let AgentSection {
            listen: _,
            tls,
            allow_plaintext: _,
            workload: _,
            workload_limit: _,
            web_config,
        } = agent;
        let AlertSection {
            hold: _,
            repeat: _,
            resolve: _,
            sink: sinks,
        } = alert;
        let mut files: Vec<&Path> = Vec::new();
        if let Some(Tls { cert, key }) = tls {
            files.extend([cert.as_path(), key]);
        }
        files.extend(web_config.as_deref());
        for sink in sinks {
            let SinkEntry {
                kind: _,
                url: _,
                ca,
            } = sink;
            files.extend(ca.as_deref());
        }
        files
    }

    /// Unix socket that the agent removes at its end.
    #[must_use]
    pub fn socket_file(&self) -> Option<&Path> {
        match &self.agent.listen {
            Listen::Unix(path) => Some(path),
            Listen::Tcp(_) => None,
        }
    }

    /// Keys that differ in `new` and take effect at a restart only.
    #[must_use]
    pub fn changed_at_restart(&self, new: &Self) -> Vec<&'static str> {
        let AgentSection {
            listen,
            tls: _,
            allow_plaintext: _,
            workload: _,
            workload_limit,
            web_config: _,
        } = &self.agent;
        let keys = [
            ("agent.listen", *listen != new.agent.listen),
            (
                "agent.workload_limit",
                *workload_limit != new.agent.workload_limit,
            ),
        ];
        let changed = keys.into_iter().filter(|(_, has_changed)| *has_changed);
        changed.map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = include_str!("../../../docs/config.md");

    #[test]
    fn the_reference_names_the_keys_that_wait_for_a_restart() {
        let old = Config::default();
        let mut new = Config::default();
        assert_eq!(old.changed_at_restart(&new), [""; 0]);
        new.agent.listen = Listen::Unix("/run/observer.sock".into());
        new.agent.workload_limit += 1;
        let changed = old.changed_at_restart(&new);
        let rows = REFERENCE.lines().filter(|line| line.starts_with("| `"));
        let documented: Vec<&str> = rows
            .filter(|row| row.contains("at a restart"))
            .filter_map(|row| row.split('`').nth(1))
            .collect();
        assert_eq!(documented, changed, "docs/config.md");
    }

    #[test]
    fn every_file_of_the_reference_is_read() {
        let example = REFERENCE.split("```toml").nth(1).unwrap();
        let example = example.split("```").next().unwrap();
        let config = Config::parse(Path::new("config.md"), example).unwrap();
        let mut files: Vec<_> = config.files();
        files.sort_unstable();
        let mut written: Vec<_> = example
            .split('"')
            .map(Path::new)
            .filter(|text| text.is_absolute())
            .collect();
        written.sort_unstable();
        assert_eq!(files, written);
    }
}
