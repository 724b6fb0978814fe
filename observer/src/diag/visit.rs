//! Data that is gathered before sockets are put together: a dump inside each network namespace, and
//! the holders of all sockets.

use std::io;
use std::net::IpAddr;
use std::thread;

use super::DiagError;
use super::dump::{self, Dump};
use super::missing::MissingData;
use crate::host::netns::{self, Namespaces, Netns};
use crate::host::{KeepaliveSysctls, SocketHolders, local_addresses};
use crate::model::scan::{Scan, ScanRequest};

/// Findings inside one network namespace.
pub(super) struct Visit {
    pub(super) netns: u32,
    pub(super) sockets: Dump,
    pub(super) addresses: io::Result<Vec<IpAddr>>,
    pub(super) sysctls: Option<KeepaliveSysctls>,
}

/// Dumps the sockets of each namespace, and meanwhile finds out on another thread who holds them.
pub(super) fn dump_and_walk(
    scan: &mut Scan,
    namespaces: &Namespaces,
    request: &ScanRequest,
) -> (
    Vec<io::Result<io::Result<Visit>>>,
    io::Result<SocketHolders>,
) {
    thread::scope(|scope| {
        let walker = thread::Builder::new().name("owners".into());
        let walker = walker.spawn_scoped(scope, SocketHolders::walk);
        let visits = scan.timed("scan", |_| {
            netns::visit(&namespaces.found, |netns| visit(netns, request))
        });
        let holders = scan.timed("owners", |_| match walker {
            Ok(walker) => walker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => SocketHolders::walk(),
        });
        (visits, holders)
    })
}

/// Visit by a thread inside the namespace, which alone can find these out.
fn visit(netns: &Netns, request: &ScanRequest) -> io::Result<Visit> {
    Ok(Visit {
        netns: netns.inode,
        sockets: dump::dump(request.states)?,
        addresses: local_addresses(),
        sysctls: KeepaliveSysctls::read().ok(),
    })
}

/// Keeps what could be read. A failure in our own namespace is one of the whole scan.
pub(super) fn sort_out(
    namespaces: &Namespaces,
    visits: Vec<io::Result<io::Result<Visit>>>,
    missing: &mut MissingData,
) -> Result<Vec<Visit>, DiagError> {
    if namespaces.found.is_empty() {
        return Err(DiagError::Proc(io::ErrorKind::NotFound.into()));
    }
    let mut found = Vec::new();
    for (netns, visit) in namespaces.found.iter().zip(visits) {
        match visit {
            Ok(Ok(visit)) => found.push(visit),
            Ok(Err(error)) if netns.is_own && dump::is_missing(&error) => {
                return Err(DiagError::Missing(error));
            }
            Ok(Err(error)) | Err(error) if netns.is_own => return Err(DiagError::Dump(error)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                missing.closed_namespaces += 1;
            }
            Ok(Err(error)) | Err(error) => missing.failed_namespaces.push((netns.inode, error)),
        }
    }
    Ok(found)
}
