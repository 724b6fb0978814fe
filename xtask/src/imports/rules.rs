//! Rules for the folders of observer, which may not all import each other.

use super::edges::{Import, Imported};

/// Folders or files at the top of a package, without `.rs`, that know nothing of others.
struct Rule {
    of: &'static [&'static str],
    not: &'static [&'static str],
    reason: &'static str,
}

const PACKAGE: &str = "observer/src/";

const RULES: [Rule; 3] = [
    Rule {
        of: &["kernel", "diag"],
        not: &[
            "agent", "alert", "cli", "config", "doctor", "explain", "exporter", "policy", "render",
            "report", "source", "watch",
        ],
        reason: "what finds sockets knows neither policy nor consumers",
    },
    Rule {
        of: &["alert", "exporter", "report", "watch"],
        not: &["alert", "exporter", "report", "watch"],
        reason: "consumers do not import each other",
    },
    Rule {
        of: &["config"],
        not: &["agent", "alert", "cli", "exporter", "report", "watch"],
        reason: "the configuration knows no consumer",
    },
];

/// The one folder that may use the crate aya.
const AYA: &str = "kernel";

/// The rule that an import breaks.
pub(super) fn broken(import: &Import) -> Option<String> {
    let here = top(&import.file)?;
    if let Imported::Crate(name) = &import.to {
        let is_aya = name == "aya" || name.starts_with("aya_");
        return (is_aya && here != AYA).then(|| "only kernel/ uses aya".to_owned());
    }
    let files = import.target().into_iter();
    let files = files.chain(import.through.iter().map(String::as_str));
    let tops: Vec<_> = files.filter_map(top).filter(|top| *top != here).collect();
    let rule = RULES
        .iter()
        .find(|rule| rule.of.contains(&here) && tops.iter().any(|top| rule.not.contains(top)))?;
    Some(rule.reason.to_owned())
}

/// The folder or file below observer's sources, `None` elsewhere.
fn top(file: &str) -> Option<&str> {
    let below = file.strip_prefix(PACKAGE)?;
    let name = below.split('/').next()?;
    Some(name.strip_suffix(".rs").unwrap_or(name))
}
