//! The rules and the scrape configuration, by promtool.

use std::process::Command;

use serde_json::Value;

/// The expression of each rule, with its name.
pub(crate) fn expressions() -> Vec<(String, String)> {
    rules()
        .iter()
        .map(|rule| {
            let name = rule.get("alert").or(rule.get("record")).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(name), text(&rule["expr"]))
        })
        .collect()
}

fn rules() -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(&crate::text("prometheus/rules.yml")).unwrap();
    let groups = file["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array());
    rules.flatten().cloned().collect()
}

fn promtool(arguments: &[&str], file: &str) {
    if !crate::promised("promtool") {
        return;
    }
    let (good, said) = crate::said(
        Command::new("promtool")
            .args(arguments)
            .arg(crate::path(file)),
    );
    assert!(good, "{said}");
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
    let tests = crate::text("prometheus/rules.test.yml");
    let runbooks = include_str!("../../../docs/fleet.md").to_lowercase();
    let rules = rules();
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
