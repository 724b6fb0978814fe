//! Imports that break a rule and are known: from, to, reason. Each is a file or a folder, or a crate.

pub(super) const ALLOWED: &[(&str, &str, &str)] = &[];
