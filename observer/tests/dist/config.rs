//! The configuration that the package installs, and the one of the Kubernetes manifests.

use std::path::Path;
use std::process::Command;

use observer::config::Config;

use crate::kit::monitoring::dist::text;
use crate::kit::monitoring::{Folder, said};

/// Settings without a configuration.
const DEFAULTS: &str = r#"
[path]
default = "aws-nlb"
[scan]
interval = "10s"
at_risk = 0.5
[agent]
listen = "127.0.0.1:9787"
allow_plaintext = false
workload = "unit"
workload_limit = 50
[alert]
hold = "0s"
repeat = "4m"
resolve = "1m"
"#;

/// The file with the lines uncommented that begin so.
fn uncommented(prefixes: &[&str]) -> String {
    let line = |line: &str| {
        let bare = prefixes
            .iter()
            .filter_map(|prefix| line.strip_prefix(prefix))
            .find(|rest| !rest.starts_with(' '));
        bare.unwrap_or(line).to_owned() + "\n"
    };
    text("config.toml").lines().map(line).collect()
}

#[test]
fn as_installed_it_changes_nothing() {
    let config = Config::parse(Path::new("config.toml"), &text("config.toml")).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn what_it_shows_as_defaults_are_the_defaults() {
    let shown: toml::Table = uncommented(&["#"]).parse().unwrap();
    assert_eq!(shown, DEFAULTS.parse().unwrap());
}

#[test]
fn its_examples_can_be_uncommented() {
    let all = uncommented(&["#", "#    "]);
    let all = Config::parse(Path::new("config.toml"), &all).unwrap();
    assert_eq!(all.path.rule.len(), 1);
    assert!(all.agent.tls.is_some());
    assert_eq!(all.alert.sink.len(), 2);
}

#[test]
fn the_agent_takes_it_as_installed_and_uncommented() {
    let folder = Folder::new("config");
    for (text, shows) in [
        (text("config.toml"), "[agent]"),
        (uncommented(&["#", "#    "]), "[[alert.sink]]"),
    ] {
        let file = folder.write("config.toml", &text);
        let mut command = Command::new(env!("CARGO_BIN_EXE_observer"));
        let (good, effective) = said(command.args(["agent", "--check", "--config"]).arg(file));
        assert!(good && effective.contains(shows), "{effective}");
        // What is printed is a file that means the same.
        let config = Config::parse(Path::new("config.toml"), &text).unwrap();
        let printed = Config::parse(Path::new("effective.toml"), &effective).unwrap();
        assert_eq!(printed, config);
    }
}
