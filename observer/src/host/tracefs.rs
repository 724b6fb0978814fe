//! tracefs, which numbers the kernel's tracepoints: the host's mount of it or, where there is none,
//! one of observer's own that no other process sees.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};
use thiserror::Error;

use super::mount::mounts;

/// `TRACEFS_MAGIC` of `include/uapi/linux/magic.h`.
const MAGIC: u64 = 0x7472_6163;

/// Usual places. A look at the second makes debugfs mount it there.
const USUAL: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Where tracefs is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TracefsPlace {
    /// The host's mount of it.
    Mounted(String),
    /// A mount that is attached nowhere, and is gone with its descriptor (Linux 5.2 and later).
    Detached,
}

/// Reason why no tracepoint can be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TracefsError {
    /// It is mounted, and this user may not read it, or it does not have the tracepoint.
    #[error("cannot read {path}: {}", io::Error::from(*.error))]
    Unreadable {
        /// The file.
        path: String,
        /// The kernel's answer.
        error: rustix::io::Errno,
    },
    /// It is mounted nowhere that this process sees, and the kernel gives no mount of its own: it
    /// has no tracefs, or this process no `CAP_SYS_ADMIN`.
    #[error(
        "tracefs is not mounted, and observer gets none of its own: {}",
        io::Error::from(*.0)
    )]
    NotMounted(rustix::io::Errno),
}

impl From<TracefsError> for io::Error {
    fn from(error: TracefsError) -> Self {
        match error {
            TracefsError::Unreadable { error, .. } => error.into(),
            TracefsError::NotMounted(_) => Self::other(error),
        }
    }
}

/// An open tracefs.
#[derive(Debug)]
pub(crate) struct Tracefs {
    root: OwnedFd,
    place: TracefsPlace,
}

impl Tracefs {
    /// The host's where there is one, else one of observer's own.
    ///
    /// # Errors
    /// [`TracefsError::NotMounted`]
    pub(crate) fn open() -> Result<Self, TracefsError> {
        let others = mounts().into_iter().filter(|mount| mount.fs == "tracefs");
        let usual = USUAL.map(str::to_owned).into_iter();
        for path in usual.chain(others.map(|mount| mount.point)) {
            if let Some(root) = open_mounted(&path) {
                let place = TracefsPlace::Mounted(path);
                return Ok(Self { root, place });
            }
        }
        let root = open_detached().map_err(TracefsError::NotMounted)?;
        let place = TracefsPlace::Detached;
        Ok(Self { root, place })
    }

    pub(crate) fn place(&self) -> &TracefsPlace {
        &self.place
    }

    /// Number by which `perf_event_open` knows a tracepoint.
    ///
    /// # Errors
    /// [`TracefsError::Unreadable`]
    pub(crate) fn tracepoint_id(&self, category: &str, name: &str) -> Result<u64, TracefsError> {
        let path = format!("events/{category}/{name}/id");
        self.read_number(&path).map_err(|error| {
            let root = match &self.place {
                TracefsPlace::Mounted(root) => root,
                TracefsPlace::Detached => "tracefs",
            };
            TracefsError::Unreadable {
                path: format!("{root}/{path}"),
                error: rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::INVAL),
            }
        })
    }

    fn read_number(&self, path: &str) -> io::Result<u64> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.root, path, flags, Mode::empty())?;
        let mut text = String::new();
        File::from(file).read_to_string(&mut text)?;
        text.trim_ascii().parse().map_err(io::Error::other)
    }
}

/// Opens the folder if it is the root of a tracefs, whether or not this user may look into it.
fn open_mounted(path: &str) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    // An automount is made by what is looked up in the folder, not by opening the folder.
    let _seen = rustix::fs::statat(&root, "events", rustix::fs::AtFlags::empty());
    let is_tracefs = |root: &OwnedFd| {
        rustix::fs::fstatfs(root).is_ok_and(|stat| u64::try_from(stat.f_type) == Ok(MAGIC))
    };
    if is_tracefs(&root) {
        return Some(root);
    }
    let root = rustix::fs::open(format!("{path}/."), flags, Mode::empty()).ok()?;
    is_tracefs(&root).then_some(root)
}

/// A mount that is in no mount namespace: nothing changes on the host.
fn open_detached() -> rustix::io::Result<OwnedFd> {
    let context = rustix::mount::fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_create(&context)?;
    let harmless = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_file_system_is_not_taken_for_it() {
        assert!(open_mounted("/proc/self").is_none());
        assert!(open_mounted("/no/such/folder").is_none());
    }

    /// Root on a kernel with tracefs, wherever it is mounted; an ordinary user hears why not.
    #[test]
    fn a_mount_of_its_own_has_the_same_numbers_and_leaves_nothing() {
        let before = mounts();
        match open_detached() {
            Ok(root) => {
                let place = TracefsPlace::Detached;
                let own = Tracefs { root, place };
                let id =
                    |tracefs: &Tracefs| tracefs.tracepoint_id("syscalls", "sys_enter_setsockopt");
                let number = id(&own).unwrap();
                assert!(number > 0);
                assert_eq!(id(&Tracefs::open().unwrap()), Ok(number));
                let missing = own.tracepoint_id("syscalls", "no_such").unwrap_err();
                assert_eq!(
                    missing.to_string(),
                    "cannot read tracefs/events/syscalls/no_such/id: No such file or directory (os error 2)"
                );
            }
            Err(error) => assert!(!rustix::process::geteuid().is_root(), "{error}"),
        }
        assert_eq!(mounts(), before);
    }
}
