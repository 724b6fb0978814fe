//! Trial of each walk, to find which of them this host refuses. Nothing stays loaded.

use super::error::KernelError;
use super::load::open_walk;
use super::scan::ScanPrograms;

/// Result of trying each walk.
#[derive(Debug)]
pub struct WalkTrial {
    /// `iter/task_file`, which finds the sockets that descriptors lead to.
    pub files: Result<(), KernelError>,
    /// `iter/tcp`, which finds the rest.
    pub tables: Result<(), KernelError>,
}

/// Loads, attaches and opens each walk; nothing is read, and nothing stays.
///
/// # Errors
/// Something is missing that both walks need: BTF, a field, an iterator, permission to make maps.
pub fn try_walks() -> Result<WalkTrial, KernelError> {
    let mut programs = ScanPrograms::unloaded()?;
    Ok(WalkTrial {
        files: programs
            .load_files()
            .and_then(|()| programs.walk_files())
            .map(drop),
        tables: programs.link_tables().and_then(open_walk).map(drop),
    })
}
