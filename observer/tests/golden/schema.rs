//! The names and types of the fields in JSON values.

use std::collections::{BTreeMap, BTreeSet};

use observer::model::scan::UnknownField;
use observer::render::json::Meta;
use serde_json::Value;

/// Notes the types found at every path.
fn note(types: &mut BTreeMap<String, BTreeSet<&'static str>>, path: &str, value: &Value) {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !path.is_empty() {
        types.entry(path.to_owned()).or_default().insert(name);
    }
    match value {
        Value::Array(items) => {
            for item in items {
                note(types, &format!("{path}[]"), item);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                note(types, &format!("{path}{dot}{key}"), value);
            }
        }
        _ => {}
    }
}

/// A line for each field: its path and its types.
pub(crate) fn schema(values: &[&Value]) -> String {
    let mut types = BTreeMap::new();
    for value in values {
        note(&mut types, "", value);
    }
    let mut found = String::new();
    for (path, names) in types {
        let names: Vec<_> = names.into_iter().collect();
        found += &format!("{path}: {}\n", names.join(" "));
    }
    found
}

/// The field that a line of a schema is about.
pub(crate) fn name(line: &str) -> &str {
    line.split_once(':').unwrap().0
}

/// A field that could not be had.
pub(crate) fn unknown() -> [UnknownField; 1] {
    [UnknownField {
        field: "age_ms",
        why: "why".to_owned(),
    }]
}

/// Fields of a document about its scan.
pub(crate) fn meta(unknown: &[UnknownField]) -> Meta<'_> {
    Meta {
        taken_at: "2026-11-21T08:00:00.123Z".parse().unwrap(),
        host: "web-1".into(),
        kernel: "6.12.107".into(),
        scan: "bpf",
        hooks: "none",
        scan_tenth_ms: 124,
        sockets_seen: 30,
        unknown,
    }
}
