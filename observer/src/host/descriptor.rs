//! Duplicates of other processes' sockets, by `pidfd_getfd(2)` (Linux 5.6 and later).
//!
//! A duplicate should live for a few microseconds. If its owner closes the socket in that time, our
//! close is the last one, and the connection ends by it as it would have by theirs.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

/// Opens a process, so that its descriptors can be duplicated.
///
/// # Errors
/// `ESRCH` when it has ended, `ENOSYS` before Linux 5.3.
pub fn open_process(pid: u32) -> Result<OwnedFd, Errno> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pidfd_open(pid.ok_or(Errno::SRCH)?, PidfdFlags::empty())
}

/// Duplicates a descriptor that leads to the socket with this cookie.
///
/// # Errors
/// `EBADF` when the descriptor was closed or used again for another socket, `EPERM` when this user
/// may not look into the process, `ENOSYS` before Linux 5.6.
pub fn duplicate(process: BorrowedFd<'_>, fd: u32, cookie: u64) -> Result<OwnedFd, Errno> {
    let fd = i32::try_from(fd).map_err(|_| Errno::BADF)?;
    let socket = pidfd_getfd(process, fd, PidfdGetfdFlags::empty())?;
    if sockopt::socket_cookie(&socket)? != cookie {
        return Err(Errno::BADF);
    }
    Ok(socket)
}

/// Permission of this user to duplicate descriptors of a process. It asks for one that no process can
/// have, so that nothing is duplicated.
///
/// # Errors
/// `EPERM` where it is not allowed, `ENOSYS` before Linux 5.6, `ESRCH` for a process that is gone.
pub fn may_duplicate(pid: u32) -> Result<(), Errno> {
    let process = open_process(pid)?;
    match pidfd_getfd(process, i32::MAX, PidfdGetfdFlags::empty()) {
        Ok(_) | Err(Errno::BADF) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_duplicated() {
        assert_eq!(may_duplicate(std::process::id()), Ok(()));
        assert_eq!(may_duplicate(u32::MAX), Err(Errno::SRCH));
    }
}
