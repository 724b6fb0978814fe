//! Rules of the imports between files, checked in the sources as text: which folder may know which,
//! and that no files import each other in a circle.

mod allowed;
mod circles;
mod cursor;
mod edges;
mod lexer;
mod parser;
mod rules;
mod tree;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, path::Path};

use anyhow::{Result, bail};

use allowed::ALLOWED;
use edges::Import;

const PACKAGES: [&str; 5] = [
    "observer",
    "observer-common",
    "observer-ebpf",
    "testbed",
    "xtask",
];

/// Fails with a line for each import that breaks a rule.
pub(crate) fn check(workspace: &Path) -> Result<()> {
    let mut imports = Vec::new();
    for package in PACKAGES {
        if workspace.join(package).is_dir() {
            imports.extend(edges::of_package(workspace, package)?);
        }
    }
    let faults = faults(&imports, ALLOWED);
    if !faults.is_empty() {
        bail!(
            "{} imports break a rule:\n{}",
            faults.len(),
            faults.join("\n")
        );
    }
    println!("{} imports keep the rules", imports.len());
    Ok(())
}

/// From, to, reason.
type Allowed<'a> = (&'a str, &'a str, &'a str);

fn faults(imports: &[Import], allowed: &[Allowed<'_>]) -> Vec<String> {
    let allows = |import: &Import, (from, to, _): &Allowed<'_>| {
        let mut taken = import.taken();
        import.file.starts_with(from) && taken.any(|taken| taken.starts_with(to))
    };
    let is_allowed = |import: &Import| allowed.iter().any(|entry| allows(import, entry));
    let mut faults = Vec::new();
    let mut reported = BTreeSet::new();
    for import in imports.iter().filter(|import| !is_allowed(import)) {
        if let Some(reason) = rules::broken(import)
            && reported.insert((&import.file, import.target()))
        {
            let Import {
                file, line, path, ..
            } = import;
            faults.push(format!("{file}:{line}: imports {path}: {reason}"));
        }
    }
    let counted: Vec<_> = imports
        .iter()
        .filter(|import| !is_allowed(import))
        .cloned()
        .collect();
    for circle in circles::find(&counted) {
        let steps = circle.iter().map(|import| {
            let Import {
                file, line, path, ..
            } = import;
            format!("{file}:{line} imports {path}")
        });
        let steps: Vec<_> = steps.collect();
        let start = circle.first().map_or("", |import| import.file.as_str());
        let end = circle
            .last()
            .and_then(|import| import.target())
            .unwrap_or(start);
        faults.push(format!(
            "{}, back in {end}: files import each other in a circle",
            steps.join(", ")
        ));
    }
    for (from, to, reason) in allowed {
        if !imports
            .iter()
            .any(|import| allows(import, &(from, to, reason)))
        {
            faults.push(format!(
                "{from} imports nothing of {to} any more: take it out of the allowed"
            ));
        }
    }
    faults.sort();
    faults.dedup();
    faults
}
