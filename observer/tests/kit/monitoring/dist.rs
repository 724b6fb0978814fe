//! The files of `dist/`, and what they ask of metrics.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file of `dist/`.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../dist")
        .join(name)
}

/// Its text.
pub fn text(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn dashboard() -> Value {
    serde_json::from_str(&text("grafana/observer.json")).unwrap()
}

pub fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().into_iter().flatten()
}

/// Panel and query of the dashboard, with variables that stand for everything.
pub fn panel_queries() -> Vec<(String, String)> {
    let of_panel = |panel: &Value| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets.into_iter().map(move |target| {
            let query = target["expr"].as_str().unwrap();
            let query = query
                .replace("$job", ".*")
                .replace("$instance", ".*")
                .replace("$__rate_interval", "10s");
            (title.clone(), query)
        })
    };
    panels(&dashboard()).flat_map(of_panel).collect()
}

pub fn rules() -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(&text("prometheus/rules.yml")).unwrap();
    let groups = file["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array());
    rules.flatten().cloned().collect()
}

/// Name and expression of each rule.
pub fn rule_queries() -> Vec<(String, String)> {
    let query = |rule: &Value| {
        let name = rule.get("alert").or(rule.get("record")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(name), text(&rule["expr"]))
    };
    rules().iter().map(query).collect()
}

/// The selectors of observer's and its process's metrics in a query: each metric with its matchers.
pub fn selectors(query: &str) -> Vec<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(is_word) {
        let word = &rest[start..];
        let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
        let (name, after) = word.split_at(end);
        rest = after;
        // What stands in quotes or names a window is no metric; neither is a recording rule's name.
        let is_metric = ["observer_", "process_"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        if !is_metric {
            if let Some(quoted) = after.strip_prefix("=~\"").or(after.strip_prefix("=\"")) {
                rest = quoted.split_once('"').map_or("", |(_, rest)| rest);
            }
            continue;
        }
        let matchers = after.strip_prefix('{').and_then(|inner| {
            let end = inner.find('}')?;
            inner.get(..end)
        });
        found.push(format!("{name}{{{}}}", matchers.unwrap_or_default()));
    }
    found
}
