//! Keepalive options of other processes' sockets: a duplicate of the descriptor by
//! `pidfd_getfd(2)` (5.6 and later), then `getsockopt(2)`.
//! Options can change at any time and netlink does not tell, so they are read anew in each scan.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;
use std::thread;

use rustix::io::Errno;
use rustix::net::sockopt;

use crate::host::{Holder, descriptor};

/// Sockets that a thread takes at a time.
const PART_LEN: usize = 1_000;

/// Answers of getsockopt: the effective values, which are the namespace's where the socket has
/// none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// `SO_KEEPALIVE`
    pub keepalive: bool,
    /// `TCP_KEEPIDLE`, in seconds.
    pub idle_s: u32,
    /// `TCP_KEEPINTVL`, in seconds.
    pub interval_s: u32,
    /// `TCP_KEEPCNT`
    pub probes: u32,
    /// `TCP_USER_TIMEOUT`, in milliseconds.
    pub user_timeout_ms: u32,
}

/// Why the options of a socket are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// No descriptor is known to lead to it.
    NoDescriptor,
    /// The descriptor was closed, or used again for another socket.
    Closed,
    /// This user may not duplicate the descriptor.
    Denied,
    /// Anything else: `ENOSYS` before Linux 5.6, `EMFILE` without a free descriptor of our own.
    Failed(Errno),
}

/// A socket, a descriptor that leads to it, and what its options are.
#[derive(Debug, Clone, Copy)]
pub struct Query {
    /// For the caller: which socket this is.
    pub socket: usize,
    /// The socket's cookie, by which a descriptor that was used again is recognised.
    pub cookie: u64,
    /// The process that holds it.
    pub pid: u32,
    /// The process's descriptor.
    pub fd: u32,
    /// Set by [`read_all`].
    pub answer: Result<Options, Unreadable>,
}

impl Query {
    /// A question without an answer yet.
    #[must_use]
    pub const fn new(socket: usize, cookie: u64, holder: &Holder) -> Self {
        Self {
            socket,
            cookie,
            pid: holder.pid,
            fd: holder.fd,
            answer: Err(Unreadable::NoDescriptor),
        }
    }
}

/// Answers all queries, on several threads where there are many; leaves them ordered by process.
pub fn read_all(queries: &mut [Query]) {
    queries.sort_unstable_by_key(|query| query.pid);
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let helpers = queries.len().div_ceil(PART_LEN).min(cpus).saturating_sub(1);
    let parts = Mutex::new(queries.chunks_mut(PART_LEN));
    let work = || {
        while let Some(part) = parts.lock().ok().and_then(|mut parts| parts.next()) {
            read_part(part);
        }
    };
    thread::scope(|scope| {
        for _ in 0..helpers {
            // Without the thread, the others do its work.
            drop(thread::Builder::new().spawn_scoped(scope, work));
        }
        work();
    });
}

/// Answers queries that are ordered by process: each is opened once.
fn read_part(queries: &mut [Query]) {
    for of_process in queries.chunk_by_mut(|a, b| a.pid == b.pid) {
        let process = of_process.first().map_or(Err(Errno::SRCH), |query| {
            descriptor::open_process(query.pid)
        });
        for query in of_process {
            query.answer = match &process {
                Ok(process) => read(process.as_fd(), query).map_err(Unreadable::from),
                Err(error) => Err(Unreadable::from(*error)),
            };
        }
    }
}

fn read(process: BorrowedFd<'_>, query: &Query) -> Result<Options, Errno> {
    let socket = descriptor::duplicate(process, query.fd, query.cookie)?;
    let seconds = |time: std::time::Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    Ok(Options {
        keepalive: sockopt::socket_keepalive(&socket)?,
        idle_s: seconds(sockopt::tcp_keepidle(&socket)?),
        interval_s: seconds(sockopt::tcp_keepintvl(&socket)?),
        probes: sockopt::tcp_keepcnt(&socket)?,
        user_timeout_ms: sockopt::tcp_user_timeout(&socket)?,
    })
}

impl From<Errno> for Unreadable {
    fn from(error: Errno) -> Self {
        match error {
            Errno::BADF | Errno::SRCH | Errno::NOTSOCK => Self::Closed,
            Errno::PERM | Errno::ACCESS => Self::Denied,
            error => Self::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    use super::*;

    fn query(pid: u32, fd: u32, cookie: u64) -> Query {
        let inode = 0;
        Query::new(0, cookie, &Holder { inode, pid, fd })
    }

    #[test]
    fn options_are_what_was_set() -> Result<(), Box<dyn std::error::Error>> {
        let socket = TcpListener::bind("127.0.0.1:0")?;
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_keepidle(&socket, std::time::Duration::from_secs(61))?;
        sockopt::set_tcp_keepcnt(&socket, 4)?;
        sockopt::set_tcp_user_timeout(&socket, 12_345)?;
        let interval_s = sockopt::tcp_keepintvl(&socket)?.as_secs();
        let cookie = sockopt::socket_cookie(&socket)?;
        let fd = u32::try_from(socket.as_raw_fd())?;
        let own = std::process::id();
        let mut queries = [
            query(own, fd, cookie),
            query(own, fd, cookie + 1),
            query(own, u32::MAX, cookie),
            query(u32::MAX, fd, cookie),
        ];
        read_all(&mut queries);
        let options = Options {
            keepalive: true,
            idle_s: 61,
            interval_s: u32::try_from(interval_s)?,
            probes: 4,
            user_timeout_ms: 12_345,
        };
        for query in queries {
            let right = query.pid == own && query.fd == fd && query.cookie == cookie;
            let expected = if right {
                Ok(options)
            } else {
                Err(Unreadable::Closed)
            };
            assert_eq!(query.answer, expected, "{query:?}");
        }
        read_all(&mut []);
        Ok(())
    }
}
