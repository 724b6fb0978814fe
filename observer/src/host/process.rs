//! Processes, and the sockets that their descriptors lead to.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat_raw};
use rustix::io::Errno;

use crate::model::Comm;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
/// One getdents call then gives some 1,300 descriptors.
const ENTRIES_LEN: usize = 32 * 1024;
/// With fewer processes another thread costs more than it gains.
const PIDS_PER_THREAD: usize = 16;
/// Longer than any link that names a socket; what is longer is cut off and names none.
const LINK_LEN: usize = 32;

/// The ids of all processes in this PID namespace.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn pids() -> io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        pids.extend(
            entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u32>().ok()),
        );
    }
    Ok(pids)
}

/// The name of a process; `None` when it has ended.
#[must_use]
pub fn comm(pid: u32) -> Option<Comm> {
    let bytes = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(Comm::new(bytes.strip_suffix(b"\n").unwrap_or(&bytes)))
}

/// A descriptor that leads to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Inode number of the socket.
    pub inode: u64,
    /// The process.
    pub pid: u32,
    /// Its descriptor.
    pub fd: u32,
}

/// Who holds which socket, of any protocol.
#[derive(Debug, Default)]
pub struct SocketHolders {
    /// Ordered by inode number, then process, then descriptor.
    sorted: Vec<Holder>,
    /// Processes whose descriptors this user may not read.
    pub denied: usize,
}

impl SocketHolders {
    /// Walks `/proc/PID/fd` of all processes. A process or descriptor that vanishes meanwhile is
    /// left out. Threads that have a descriptor table of their own are not looked into.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn walk() -> io::Result<Self> {
        let pids = pids()?;
        let cpus = thread::available_parallelism().map_or(1, usize::from);
        let helpers = pids
            .len()
            .div_ceil(PIDS_PER_THREAD)
            .min(cpus)
            .saturating_sub(1);
        let pids = Mutex::new(pids.into_iter());
        let work = || Self::walk_some(|| pids.lock().ok().and_then(|mut pids| pids.next()));
        let mut all = thread::scope(|scope| {
            // Without a helper, the others do its work.
            let helpers: Vec<_> = (0..helpers)
                .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect();
            let mut all = work();
            for helper in helpers {
                let part = helper.join().unwrap_or_else(|panic| resume_unwind(panic));
                all.sorted.extend(part.sorted);
                all.denied += part.denied;
            }
            all
        });
        all.sorted.sort_unstable();
        Ok(all)
    }

    /// Walks processes until there are no more; what it finds is not ordered.
    fn walk_some(mut next_pid: impl FnMut() -> Option<u32>) -> Self {
        let mut holders = Self::default();
        let mut entries = vec![MaybeUninit::uninit(); ENTRIES_LEN];
        while let Some(pid) = next_pid() {
            let result = openat(CWD, format!("/proc/{pid}/fd"), DIRECTORY, Mode::empty())
                .and_then(|dir| holders.add_process(pid, dir.as_fd(), &mut entries));
            holders.denied += usize::from(matches!(result, Err(Errno::ACCESS | Errno::PERM)));
        }
        holders
    }

    /// Every descriptor that leads to the socket with this inode number.
    #[must_use]
    pub fn of(&self, inode: u64) -> &[Holder] {
        let start = self.sorted.partition_point(|h| h.inode < inode);
        let rest = self.sorted.get(start..).unwrap_or_default();
        let len = rest.iter().take_while(|h| h.inode == inode).count();
        rest.get(..len).unwrap_or_default()
    }

    /// Number of descriptors that lead to sockets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// `true` where no descriptor leads to a socket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    fn add_process(
        &mut self,
        pid: u32,
        dir: BorrowedFd<'_>,
        entries: &mut [MaybeUninit<u8>],
    ) -> Result<(), Errno> {
        let mut link = [MaybeUninit::uninit(); LINK_LEN];
        let mut listing = RawDir::new(dir, entries);
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name();
            let Some(fd) = decimal(name.to_bytes()) else {
                continue;
            };
            match readlinkat_raw(dir, name, &mut link) {
                Ok((target, _)) => {
                    if let Some(inode) = socket_inode(target) {
                        let fd = u32::try_from(fd).unwrap_or(u32::MAX);
                        self.sorted.push(Holder { inode, pid, fd });
                    }
                }
                // Closed meanwhile.
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The inode number in `socket:[88123]`.
pub(crate) fn socket_inode(link: &[u8]) -> Option<u64> {
    decimal(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

/// Digits and nothing else, without overflow.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn links_of_sockets_name_the_inode() {
        assert_eq!(socket_inode(b"socket:[88123]"), Some(88123));
        for bad in [
            "socket:[]",
            "socket:[1",
            "pipe:[1]",
            "/tmp/socket:[1]",
            "socket:[-1]",
            "socket:[99999999999999999999]",
        ] {
            assert_eq!(socket_inode(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_duplicated_descriptor_appears_twice() -> io::Result<()> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let duplicate = listener.try_clone()?;
        let inode = rustix::fs::fstat(&listener)?.st_ino;
        let holders = SocketHolders::walk()?;
        let found: Vec<_> = holders
            .of(inode)
            .iter()
            .map(|h| (h.pid, i64::from(h.fd)))
            .collect();
        let pid = std::process::id();
        let mut expected = [
            (pid, i64::from(listener.as_raw_fd())),
            (pid, i64::from(duplicate.as_raw_fd())),
        ];
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert!(holders.of(u64::MAX).is_empty());
        Ok(())
    }

    #[test]
    fn names_and_ids() {
        assert!(pids().is_ok_and(|pids| pids.contains(&std::process::id())));
        assert!(comm(std::process::id()).is_some_and(|comm| !comm.as_bytes().is_empty()));
        assert_eq!(comm(u32::MAX), None);
    }
}
