//! The dashboard: its shape, and what it asks.

use std::collections::BTreeSet;

use crate::kit::monitoring::dist::{dashboard, panel_queries, panels, selectors};
use crate::metrics;

#[test]
fn every_panel_says_what_it_shows() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 38);
    let mut ids = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: id");
        if panel["type"] == "row" {
            continue;
        }
        assert!(
            panel["description"]
                .as_str()
                .is_some_and(|text| text.len() > 20),
            "{title}"
        );
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}: no query");
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            assert!(!target["expr"].as_str().unwrap().is_empty(), "{title}");
        }
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["datasource", "job", "instance"]);
}

#[test]
fn no_panel_lies_on_another() {
    const COLUMNS: u64 = 24;
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        let (x, y) = (side("x"), side("y"));
        assert!(x + side("w") <= COLUMNS, "{title}: beyond the edge");
        for column in x..x + side("w") {
            for line in y..y + side("h") {
                assert!(
                    taken.insert((column, line)),
                    "{title}: {column}, {line} is taken"
                );
            }
        }
    }
}

#[test]
fn it_asks_for_metrics_that_there_are_and_leaves_none_out() {
    let names = metrics::names();
    let mut asked = BTreeSet::new();
    for (title, query) in panel_queries() {
        for selector in selectors(&query) {
            let name = selector.split('{').next().unwrap().to_owned();
            assert!(names.contains(name.as_str()), "{title}: {name}");
            asked.insert(name);
        }
    }
    // The time shows more than the count, and the file's date says little.
    let needless = [
        "observer_hook_runs_total",
        "observer_config_last_reload_success_timestamp_seconds",
    ];
    for name in names.iter().filter(|name| name.starts_with("observer_")) {
        assert!(
            asked.contains(*name) || needless.contains(name),
            "{name} is in no panel"
        );
    }
}
