//! Files that import each other in a circle.
//!
//! A `mod.rs` and the files of its own folder may import each other. So a circle counts that needs no
//! import of a child from its `mod.rs`, and one that needs no import of a `mod.rs` from its child.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::edges::{Import, Imported};

/// One shortest circle for each group of files that are in circles, as one import for each step.
pub(super) fn find(imports: &[Import]) -> Vec<Vec<&Import>> {
    let steps = || {
        imports.iter().filter_map(|import| match &import.to {
            Imported::Item(to) if *to != import.file => Some((import, to.as_str())),
            _ => None,
        })
    };
    let upwards = Graph::new(steps().filter(|(import, to)| !is_parent(to, &import.file)));
    let downwards = Graph::new(steps().filter(|(import, to)| !is_parent(&import.file, to)));
    let mut circles = upwards.circles();
    let mut seen: BTreeSet<_> = circles
        .iter()
        .flatten()
        .map(|it| it.file.as_str())
        .collect();
    for circle in downwards.circles() {
        if !circle
            .iter()
            .all(|import| seen.contains(import.file.as_str()))
        {
            seen.extend(circle.iter().map(|import| import.file.as_str()));
            circles.push(circle);
        }
    }
    circles
}

/// `true` for the `mod.rs` of the folder that the other file, or the other file's folder, is in.
fn is_parent(parent: &str, child: &str) -> bool {
    let roots = ["/mod.rs", "/lib.rs", "/main.rs"];
    let Some(folder) = roots.iter().find_map(|root| parent.strip_suffix(root)) else {
        return false;
    };
    let below = child
        .strip_prefix(folder)
        .and_then(|below| below.strip_prefix('/'));
    below.is_some_and(|below| !below.trim_end_matches("/mod.rs").contains('/'))
}

#[derive(Default)]
struct Graph<'a> {
    steps: BTreeMap<&'a str, BTreeMap<&'a str, &'a Import>>,
}

impl<'a> Graph<'a> {
    fn new(steps: impl Iterator<Item = (&'a Import, &'a str)>) -> Self {
        let mut graph = Self::default();
        for (import, to) in steps {
            let from = graph.steps.entry(import.file.as_str()).or_default();
            from.entry(to).or_insert(import);
        }
        graph
    }

    /// A shortest circle through each file that is in one, each file in one circle only.
    fn circles(&self) -> Vec<Vec<&'a Import>> {
        let mut circles = Vec::new();
        let mut seen = BTreeSet::new();
        for file in self.steps.keys() {
            if seen.contains(file) {
                continue;
            }
            if let Some(circle) = self.circle(file) {
                seen.extend(circle.iter().map(|import| import.file.as_str()));
                circles.push(circle);
            }
        }
        circles
    }

    /// A shortest way from a file back to it.
    fn circle(&self, start: &'a str) -> Option<Vec<&'a Import>> {
        let mut came_by: BTreeMap<&str, &'a Import> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(file) = queue.pop_front() {
            for (to, import) in self.steps.get(file).into_iter().flatten() {
                if came_by.contains_key(to) {
                    continue;
                }
                came_by.insert(to, import);
                if *to == start {
                    return Some(way_back(start, &came_by));
                }
                queue.push_back(to);
            }
        }
        None
    }
}

fn way_back<'a>(start: &str, came_by: &BTreeMap<&str, &'a Import>) -> Vec<&'a Import> {
    let mut way = Vec::new();
    let mut at = start;
    while let Some(import) = came_by.get(at) {
        way.push(*import);
        at = &import.file;
        if at == start {
            break;
        }
    }
    way.reverse();
    way
}
