//! Imports of files from each other, and of crates.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use super::tree::{Target, Tree};

/// One import, in a use declaration or by a path in code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) file: String,
    pub(super) line: usize,
    /// The path as it stands.
    pub(super) path: String,
    pub(super) to: Imported,
    /// Files of the modules that the path names on its way.
    pub(super) through: Vec<String>,
}

impl Import {
    /// The file or crate that is imported, and files of the modules that the path names.
    pub(super) fn taken(&self) -> impl Iterator<Item = &str> {
        let (Imported::Item(to)
        | Imported::Module(to)
        | Imported::Reexport(to)
        | Imported::Crate(to)) = &self.to;
        std::iter::once(to).chain(&self.through).map(String::as_str)
    }

    /// The file that is imported; `None` where it is another crate's.
    pub(super) fn target(&self) -> Option<&str> {
        match &self.to {
            Imported::Item(file) | Imported::Module(file) | Imported::Reexport(file) => Some(file),
            Imported::Crate(_) => None,
        }
    }
}

/// Thing that is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Imported {
    /// An item of this file, where it is defined.
    Item(String),
    /// A module, of which this file holds the top; its items are imports of their own.
    Module(String),
    /// A `pub use` of what is in a folder below, in the folder's `mod.rs`: who takes it from there
    /// imports the file below.
    Reexport(String),
    /// Something of another crate.
    Crate(String),
}

/// Imports in all crates of one package.
pub(super) fn of_package(workspace: &Path, package: &str) -> Result<Vec<Import>> {
    let mut imports = Vec::new();
    for root in roots(workspace, package)? {
        of_tree(&Tree::read(workspace, &root)?, &mut imports);
    }
    Ok(imports)
}

/// Files of the package's root modules.
fn roots(workspace: &Path, package: &str) -> Result<Vec<String>> {
    let manifest = workspace.join(package).join("Cargo.toml");
    let manifest = fs::read_to_string(&manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    let named = manifest.lines().filter_map(|line| {
        let file = line.strip_prefix("path = \"")?.strip_suffix('"')?;
        file.starts_with("src/").then_some(file)
    });
    let mut roots: Vec<_> = ["src/lib.rs", "src/main.rs"]
        .into_iter()
        .chain(named)
        .collect();
    roots.sort_unstable();
    roots.dedup();
    let files = roots.into_iter().map(|root| format!("{package}/{root}"));
    Ok(files
        .filter(|file| workspace.join(file).is_file())
        .collect())
}

fn of_tree(tree: &Tree, imports: &mut Vec<Import>) {
    for (this, node) in tree.nodes.iter().enumerate() {
        let mut add = |line, names: &[String], to| {
            let prefixes = (1..names.len()).filter_map(|end| tree.resolve(this, &names[..end]));
            let through = prefixes.map(|target| tree.nodes[target.node()].file.clone());
            imports.push(Import {
                through: through.collect(),
                file: node.file.clone(),
                line,
                path: names.join("::"),
                to,
            });
        };
        for import in &node.module.uses {
            let names = &import.path.names;
            let to = match tree.resolve(this, names) {
                None => Imported::Crate(names.first().cloned().unwrap_or_default()),
                Some(target) => {
                    let of = &tree.nodes[target.node()];
                    let below = of.names.starts_with(&node.names);
                    match target {
                        _ if import.is_public && below => Imported::Reexport(of.file.clone()),
                        Target::Module(_) => Imported::Module(of.file.clone()),
                        Target::Item(_) => Imported::Item(of.file.clone()),
                    }
                }
            };
            add(import.path.line, names, to);
        }
        for path in &node.module.paths {
            let to = match tree.resolve(this, &path.names) {
                None => Imported::Crate(path.names.first().cloned().unwrap_or_default()),
                Some(Target::Module(of)) => Imported::Module(tree.nodes[of].file.clone()),
                Some(Target::Item(of)) => Imported::Item(tree.nodes[of].file.clone()),
            };
            add(path.line, &path.names, to);
        }
        if node.module.uses.iter().any(|it| it.alias.is_none()) {
            for word in &node.module.words {
                if let Some(Target::Item(of)) = tree.member(this, &word.names[0], 0) {
                    add(
                        word.line,
                        &word.names,
                        Imported::Item(tree.nodes[of].file.clone()),
                    );
                }
            }
        }
    }
}
