//! The rules and the scrape configuration, by promtool.

use std::process::Command;

use crate::kit::monitoring::{dist, said};
use crate::kit::{Need, require};

fn promtool(arguments: &[&str], file: &str) {
    if !require([Need::Program("promtool")]) {
        return;
    }
    let (good, complaint) = said(
        Command::new("promtool")
            .args(arguments)
            .arg(dist::path(file)),
    );
    assert!(good, "{complaint}");
}

#[test]
fn promtool_takes_the_rules() {
    promtool(&["check", "rules"], "prometheus/rules.yml");
}

#[test]
fn promtool_takes_the_scrape_configuration() {
    promtool(&["check", "config"], "prometheus/scrape.yml");
}

#[test]
fn each_alert_fires_and_keeps_silent_as_it_should() {
    promtool(&["test", "rules"], "prometheus/rules.test.yml");
}

#[test]
fn each_alert_has_a_test_and_a_runbook() {
    let tests = dist::text("prometheus/rules.test.yml");
    let runbooks = include_str!("../../../docs/fleet.md").to_lowercase();
    let rules = dist::rules();
    let alerts: Vec<_> = rules
        .iter()
        .filter(|rule| rule["alert"].is_string())
        .collect();
    assert!(!alerts.is_empty());
    for alert in alerts {
        let name = alert["alert"].as_str().unwrap();
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name}");
        for field in ["summary", "description", "runbook"] {
            assert!(alert["annotations"][field].is_string(), "{name}: {field}");
        }
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}"
        );
        let anchor = name.to_lowercase();
        let runbook = alert["annotations"]["runbook"].as_str().unwrap();
        assert!(runbook.contains(&format!("fleet.md#{anchor}")), "{runbook}");
        assert!(
            runbooks.contains(&format!("### {anchor}\n")),
            "docs/fleet.md: {name}"
        );
    }
}
