//! Check that a JSON value keeps to a schema.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::schema::{name, schema};

/// Types by field.
fn types(schema: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let of_line = |line| {
        let types = str::split_once(line, ": ").unwrap().1;
        (name(line), types.split(' ').collect())
    };
    schema.lines().map(of_line).collect()
}

/// The fields that are not promised, or not with these types.
pub(crate) fn beyond(value: &Value, promised: &str) -> Vec<String> {
    let (found, promised) = (schema(&[value]), types(promised));
    types(&found)
        .into_iter()
        .filter(|(field, types)| !promised.get(field).is_some_and(|of| types.is_subset(of)))
        .map(|(field, types)| format!("{field}: {types:?}"))
        .collect()
}
