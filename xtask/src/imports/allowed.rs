//! Known imports that break a rule: file or folder, what it imports (a file, a folder or a crate),
//! reason.

pub(super) const ALLOWED: &[(&str, &str, &str)] = &[(
    "observer/src/fuzzing/btf.rs",
    "aya",
    "compares with aya's parser, in no part of the program",
)];
