//! Files as another process sees them: below its own root folder.
//!
//! Contents found there are foreign. A link may not lead out of that root, nothing but a plain file
//! is read (a FIFO would block), and never more than asked for.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};

/// Most entries of a folder that are looked at.
const MAX_ENTRIES: usize = 16_384;

/// The root folder of a process.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl Root {
    /// Opens that of a process.
    ///
    /// # Errors
    /// `EACCES` for the process of another user, `ENOENT` when it has ended.
    pub fn of(pid: u32) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat(
            CWD,
            format!("/proc/{pid}/root"),
            flags,
            Mode::empty(),
        )?))
    }

    fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(&self.0, path, flags, Mode::empty(), inside)?)
    }

    /// Reads at most `max` bytes of a plain file.
    ///
    /// # Errors
    /// When it is not there, no plain file, or not readable; `ENOSYS` before Linux 5.6.
    pub fn read(&self, path: impl AsRef<Path>, max: u64) -> io::Result<Vec<u8>> {
        let fd = self.open(path.as_ref(), OFlags::empty())?;
        if FileType::from_raw_mode(fstat(&fd)?.st_mode) != FileType::RegularFile {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = Vec::new();
        File::from(fd).take(max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The names in a folder, as many as are looked at; none where it cannot be read.
    pub fn names(&self, path: impl AsRef<Path>) -> impl Iterator<Item = Vec<u8>> {
        let folder = self.open(path.as_ref(), OFlags::DIRECTORY).ok();
        let entries = folder.and_then(|fd| Dir::new(fd).ok());
        entries
            .into_iter()
            .flatten()
            .map_while(Result::ok)
            .take(MAX_ENTRIES)
            .map(|entry| entry.file_name().to_bytes().to_vec())
    }
}

/// A path from bytes.
pub(super) fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_files_are_read_up_to_a_limit() -> io::Result<()> {
        let root = Root::of(std::process::id())?;
        let whole = root.read("/etc/passwd", 1 << 20)?;
        assert!(whole.starts_with(b"root:"));
        assert_eq!(root.read("etc/passwd", 4)?, b"root");
        assert!(root.names("/etc").any(|name| name == b"passwd"));
        assert_eq!(root.names("/etc/passwd").count(), 0);
        Ok(())
    }

    #[test]
    fn what_could_block_or_lead_out_is_refused() -> io::Result<()> {
        let root = Root::of(std::process::id())?;
        assert!(root.read("/dev/null", 1).is_err());
        assert!(root.read("/etc", 1).is_err());
        assert!(root.read("/proc/self/exe", 1).is_err());
        Ok(())
    }
}
