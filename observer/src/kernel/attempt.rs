//! Each walk tried alone and taken back, to say which of them this host refuses.

use super::load::{self, KernelError, Programs};

/// How the walks fared.
#[derive(Debug)]
pub struct Walks {
    /// `iter/task_file`, which finds what descriptors lead to.
    pub files: Result<(), KernelError>,
    /// `iter/tcp`, which finds the rest.
    pub tables: Result<(), KernelError>,
}

/// Loads, attaches and opens each walk; nothing is read, and nothing stays.
///
/// # Errors
/// What neither walk can do without is missing: BTF, a field, an iterator, permission to make maps.
pub fn try_walks() -> Result<Walks, KernelError> {
    let mut programs = Programs::unloaded()?;
    Ok(Walks {
        files: programs
            .load_files()
            .and_then(|()| programs.walk_files())
            .map(drop),
        tables: programs.link_tables().and_then(load::open_walk).map(drop),
    })
}
