//! The configuration that the package installs, and the one of the Kubernetes manifests.

use std::path::Path;

use observer::config::Config;

/// What holds without a configuration.
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
    crate::text("config.toml").lines().map(line).collect()
}

#[test]
fn as_installed_it_changes_nothing() {
    let config = Config::parse(Path::new("config.toml"), &crate::text("config.toml")).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn what_it_shows_as_defaults_are_the_defaults() {
    let shown: toml::Table = uncommented(&["#"]).parse().unwrap();
    assert_eq!(shown, DEFAULTS.parse().unwrap());
}

#[test]
fn its_examples_can_be_uncommented() {
    let all: toml::Table = uncommented(&["#", "#    "]).parse().unwrap();
    assert!(all["path"]["rule"].is_array());
    assert!(all["agent"]["tls"].is_table());
    assert_eq!(all["alert"]["sink"].as_array().unwrap().len(), 2);
}
