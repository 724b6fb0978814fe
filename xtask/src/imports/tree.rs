//! A crate's modules, and the file that a path in one of them leads to.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};

use super::parser::{self, Module};

/// Modules of one crate; the first is its root.
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
}

/// A module, with its place in the tree.
pub(super) struct Node {
    /// Path below the workspace.
    pub(super) file: String,
    /// Names from the root to it.
    pub(super) names: Vec<String>,
    pub(super) module: Module,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
}

/// Module or item that a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Module(usize),
    /// An item, in this module's file.
    Item(usize),
}

impl Target {
    pub(super) fn node(self) -> usize {
        let (Self::Module(node) | Self::Item(node)) = self;
        node
    }
}

/// Longest chain of re-exports; a longer one goes in a circle.
const DEEPEST: usize = 16;

impl Tree {
    /// Reads a crate from the file of its root module.
    pub(super) fn read(workspace: &Path, file: &str) -> Result<Self> {
        let mut tree = Self { nodes: Vec::new() };
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        tree.add_file(workspace, file, folder, None)?;
        Ok(tree)
    }

    /// `folder` is the one in which the files of its children are.
    fn add_file(
        &mut self,
        workspace: &Path,
        file: &str,
        folder: &str,
        parent: Option<(usize, &str)>,
    ) -> Result<()> {
        let source = fs::read_to_string(workspace.join(file))
            .with_context(|| format!("cannot read {file}"))?;
        self.add(workspace, file, folder, parser::parse(&source), parent)
    }

    fn add(
        &mut self,
        workspace: &Path,
        file: &str,
        folder: &str,
        mut module: Module,
        parent: Option<(usize, &str)>,
    ) -> Result<()> {
        let this = self.nodes.len();
        let files = std::mem::take(&mut module.files);
        let inline = std::mem::take(&mut module.inline);
        let mut names = Vec::new();
        if let Some((parent, name)) = parent {
            names.clone_from(&self.nodes[parent].names);
            names.push(name.to_owned());
            self.nodes[parent].children.insert(name.to_owned(), this);
        }
        self.nodes.push(Node {
            file: file.to_owned(),
            names,
            module,
            parent: parent.map(|(parent, _)| parent),
            children: BTreeMap::new(),
        });
        for (name, module) in inline {
            self.add(
                workspace,
                file,
                &format!("{folder}/{name}"),
                module,
                Some((this, &name)),
            )?;
        }
        for (name, path) in files {
            let beside = file.rsplit_once('/').map_or("", |(beside, _)| beside);
            let own = format!("{folder}/{name}");
            let candidates = match path {
                Some(path) => vec![format!("{beside}/{path}")],
                None => vec![format!("{own}.rs"), format!("{own}/mod.rs")],
            };
            let exists = |file: &&String| workspace.join(file).is_file();
            let found = candidates.iter().find(exists);
            let found = found.with_context(|| format!("{file}: no file of `mod {name};`"))?;
            self.add_file(workspace, found, &own, Some((this, &name)))?;
        }
        Ok(())
    }

    /// Target of a path in a module; `None` where it leaves the crate.
    pub(super) fn resolve(&self, from: usize, names: &[String]) -> Option<Target> {
        self.resolve_at(from, names, 0)
    }

    fn resolve_at(&self, from: usize, names: &[String], depth: usize) -> Option<Target> {
        let (first, mut rest) = names.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(from),
            "super" => Target::Module(self.nodes[from].parent?),
            name => self.member(from, name, depth)?,
        };
        while let (Target::Module(module), Some((name, after))) = (at, rest.split_first()) {
            at = match name.as_str() {
                "super" => Target::Module(self.nodes[module].parent?),
                // What a macro made, or a name that is not seen, is taken for the module's own.
                name => self
                    .member(module, name, depth)
                    .unwrap_or(Target::Item(module)),
            };
            rest = after;
        }
        Some(at)
    }

    /// Target of a name in a module; `None` where the module has no such name.
    pub(super) fn member(&self, module: usize, name: &str, depth: usize) -> Option<Target> {
        let node = &self.nodes[module];
        if let Some(child) = node.children.get(name) {
            return Some(Target::Module(*child));
        }
        if node.module.defined.iter().any(|defined| defined == name) {
            return Some(Target::Item(module));
        }
        if depth > DEEPEST {
            return None;
        }
        let uses = node.module.uses.iter();
        let is_named = |alias: &Option<String>| alias.as_deref() == Some(name);
        // `use aya::maps;` leads out of the crate, `use aya;` to itself.
        let named = uses.clone().filter(|it| is_named(&it.alias));
        for import in named.filter(|it| it.path.names != [name]) {
            if let Some(target) = self.resolve_at(module, &import.path.names, depth + 1) {
                return Some(target);
            }
        }
        for glob in uses.filter(|it| it.alias.is_none()) {
            if let Some(Target::Module(of)) = self.resolve_at(module, &glob.path.names, depth + 1)
                && of != module
                && let Some(target) = self.member(of, name, depth + 1)
            {
                return Some(target);
            }
        }
        None
    }
}
