//! The query of `/api/v1/sockets`, and the words of a filter.

use axum::extract::Query;
use axum::http::Uri;

use crate::cli::{parse_query, parse_selection};
use crate::policy::Selection;
use crate::watch::filter;

/// Reads a query string, and what begins with a dash, a blank or a quote as the words of a filter.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if text.starts_with(['-', ' ', '\'']) {
        if let Ok(words) = filter::words(text) {
            one_line(parse_selection(&words));
        }
        return;
    }
    // hyper has refused other targets before.
    let Ok(uri) = format!("/api/v1/sockets?{text}").parse::<Uri>() else {
        return;
    };
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(&uri) else {
        return;
    };
    let Some(selection) = one_line(parse_query(&pairs)) else {
        return;
    };
    // Each reading makes all flags anew, which takes longest: not every input needs both.
    if !input.len().is_multiple_of(4) {
        return;
    }
    let mut flags: Vec<String> = Vec::new();
    for flag in pairs.iter().filter_map(as_flag) {
        // A query may say twice what is on, the command line may not.
        if flag.contains('=') || !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    let by_flags = parse_selection(&flags).map(|selection| format!("{selection:?}"));
    assert_eq!(
        by_flags,
        Ok(format!("{selection:?}")),
        "as by the flags {flags:?}"
    );
}

/// A parameter as the command line has it.
fn as_flag((name, value): &(String, String)) -> Option<String> {
    let is_on = matches!(value.as_str(), "" | "1" | "true");
    match name.as_str() {
        "4" | "6" => is_on.then(|| format!("-{name}")),
        "all" => is_on.then(|| "--all".to_owned()),
        _ => Some(format!("--{name}={value}")),
    }
}

fn one_line(parsed: Result<Selection, String>) -> Option<Selection> {
    match parsed {
        Ok(selection) => Some(selection),
        Err(why) => {
            assert!(!why.is_empty() && !why.contains('\n'), "{why:?}");
            None
        }
    }
}
