//! Parts that a scan and a summary share: facts about this kernel, and how their walks are read.

use std::fs::File;
use std::sync::Mutex;

use aya::programs::iter::IterLink;
use rustc_hash::FxHashMap;

use super::calibrate::Calibration;
use super::decode::Units;
use super::error::KernelError;
use super::load::open_walk;
use super::namespaces::Namespaces;
use super::records::Record;
use super::socket_set::SocketSet;
use crate::host::{CgroupCache, netns};

/// Reader of walks, with what is known of this kernel so far.
#[derive(Debug)]
pub(super) struct WalkReader {
    pub(super) calibration: Calibration,
    pub(super) units: Units,
    pub(super) cgroups: CgroupCache,
}

impl WalkReader {
    /// Reads a walk of descriptors, and checks that observer's own socket, which must be among them,
    /// is read as it is.
    pub(super) fn read_files(
        &mut self,
        sockets: &mut SocketSet,
        walk: File,
    ) -> Result<(), KernelError> {
        let mut own = None;
        let cookie = self.calibration.cookie;
        sockets.read("task_file", walk, |sockets, record| match record {
            Record::Socket(record) if record.cookie == cookie => {
                // A child between fork and exec holds it too.
                if own.is_none() || record.pid == std::process::id() {
                    own = Some(record);
                }
            }
            record => sockets.add(&record),
        })?;
        let own = own.ok_or_else(KernelError::own_socket_is_missing)?;
        self.units = self.calibration.check(&own, self.units)?;
        Ok(())
    }

    /// Adds what the records do not have: names of the control groups, and which peers are local.
    pub(super) fn add_names(&mut self, namespaces: &Namespaces, found: &mut SocketSet) {
        self.cgroups.forget_processes();
        for (socket, cgroup) in found.sockets.iter_mut().zip(&found.cgroups) {
            socket.peer_is_local = namespaces
                .addresses
                .peer_is_local(socket.netns, socket.remote.ip());
            socket.cgroup = match socket.owners.first() {
                Some(owner) => self.cgroups.by_process(owner.pid, Some(*cgroup)),
                None => self.cgroups.by_id(*cgroup),
            };
        }
    }
}

/// Opens a walk of the TCP tables in each namespace; one that vanished is left out.
pub(super) fn open_tables(
    namespaces: &Namespaces,
    walked: &[u32],
    mut link: impl FnMut() -> Result<IterLink, KernelError>,
) -> Result<Vec<File>, KernelError> {
    let links = walked
        .iter()
        .map(|inode| Ok((*inode, Mutex::new(Some(link()?)))))
        .collect::<Result<FxHashMap<_, _>, KernelError>>()?;
    let opened = netns::visit(&namespaces.all, |netns| {
        let link = links.get(&netns.inode)?.lock().ok()?.take()?;
        Some(open_walk(link))
    });
    // A namespace that cannot be entered was named when its addresses were read.
    opened
        .into_iter()
        .filter_map(Result::ok)
        .flatten()
        .collect()
}
