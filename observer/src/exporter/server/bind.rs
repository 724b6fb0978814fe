//! Listeners, made before the process gives up its privileges.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::{fs, time::Duration};

use rustix::fs::{Mode, fchmod};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

use crate::config::listen::Listen;
use crate::exporter::error::ServeError;

/// A listener that does not block.
#[derive(Debug)]
pub(super) enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

pub(super) fn bind(listen: &Listen) -> Result<Bound, ServeError> {
    let failed = |source| ServeError::Bind {
        listen: listen.clone(),
        source,
    };
    match listen {
        Listen::Tcp(address) => tcp(*address).map(Bound::Tcp).map_err(failed),
        Listen::Unix(path) => {
            clear(path)?;
            let (listener, file) = unix(path).map_err(failed)?;
            Ok(Bound::Unix(listener, file))
        }
    }
}

/// Connections that wait to be accepted; `net.core.somaxconn` may allow fewer. Whose turn does not
/// come because the queue is full tries again after a second, so a burst of as many as may be open
/// has room.
const BACKLOG: i32 = 1024;

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // The standard library asks for 128.
    rustix::net::listen(&listener, BACKLOG)?;
    listener.set_nonblocking(true)?;
    // Connections inherit it: who looks for connections without keepalive should not have any.
    sockopt::set_tcp_keepidle(&listener, Duration::from_secs(60))?;
    sockopt::set_tcp_keepintvl(&listener, Duration::from_secs(15))?;
    sockopt::set_tcp_keepcnt(&listener, 4)?;
    sockopt::set_socket_keepalive(&listener, true)?;
    Ok(listener)
}

/// Owner and group may connect.
const MODE: u32 = 0o660;

fn unix(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let socket = socket()?;
    // The file gets the mode of the socket, less the umask: never more than is wanted.
    fchmod(&socket, Mode::from_raw_mode(MODE))?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    let file = SocketFile::at(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok((UnixListener::from(socket), file))
}

/// Removes what a listener that is gone has left.
fn clear(path: &Path) -> Result<(), ServeError> {
    let failed = |source| ServeError::Bind {
        listen: Listen::Unix(path.to_owned()),
        source,
    };
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !found.file_type().is_socket() {
        return Err(ServeError::NoSocket(path.to_owned()));
    }
    if is_abandoned(path).map_err(failed)? {
        fs::remove_file(path).map_err(failed)
    } else {
        Err(ServeError::InUse(path.to_owned()))
    }
}

/// True where nobody listens. Does not wait for a listener that is too busy to accept.
fn is_abandoned(path: &Path) -> io::Result<bool> {
    let socket = socket()?;
    match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => Ok(true),
        // Whatever else it is, somebody is there.
        _ => Ok(false),
    }
}

fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    Ok(socket)
}

/// The file of a Unix socket, removed at the end if it is still the same.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            device_and_inode: device_and_inode(path)?,
        })
    }
}

fn device_and_inode(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = device_and_inode(&self.path);
        let is_ours = found.is_ok_and(|found| found == self.device_and_inode);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            // The next start replaces it.
            tracing::debug!("cannot remove {}: {error}", self.path.display());
        }
    }
}
