//! Workload of a socket: a label of metrics and alerts.

use std::sync::Arc;

pub use crate::config::agent::Workload;
use crate::model::{Cgroup, Comm, Socket};
use crate::source::summary::HealthyWorkload;
use crate::text::escape;

/// It is known that there is none: a process outside of units or containers.
const NONE: &str = "none";
/// It is not known.
const UNKNOWN: &str = "unknown";
/// As container runtimes abbreviate ids.
const ID_LEN: usize = 12;

impl Workload {
    /// The workload of a socket, escaped.
    #[must_use]
    pub fn of(self, socket: &Socket) -> Arc<str> {
        let owner = socket.owners.first();
        self.label(socket.cgroup.as_deref(), owner.map(|owner| owner.comm))
    }

    /// The workload of sockets that were only counted, escaped.
    #[must_use]
    pub fn of_healthy(self, healthy: &HealthyWorkload) -> Arc<str> {
        self.label(healthy.cgroup.as_deref(), healthy.comm)
    }

    fn label(self, cgroup: Option<&Cgroup>, comm: Option<Comm>) -> Arc<str> {
        let name = match (self, cgroup) {
            (Self::Comm, _) => comm.map(|comm| comm.to_string_lossy().into_owned()),
            (_, None) => None,
            (Self::Unit, Some(cgroup)) => Some(cgroup.unit.clone().unwrap_or_else(|| NONE.into())),
            (Self::Container, Some(cgroup)) => {
                let id = cgroup.container.as_ref().map(|container| &container.id);
                let id = id.map_or(NONE, |id| id.get(..ID_LEN).unwrap_or(id));
                Some(id.to_owned())
            }
        };
        name.map_or(UNKNOWN.into(), |name| escape::text(name.as_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::socket;

    #[test]
    fn workloads_are_units_processes_or_containers() {
        let mut socket = socket();
        assert_eq!(&*Workload::Comm.of(&socket), "python3");
        assert_eq!(&*Workload::Unit.of(&socket), "unknown");
        let id = "0123456789abcdef".repeat(4);
        let path = format!("/system.slice/docker-{id}.scope");
        socket.cgroup = Some(Arc::new(Cgroup::parse(&path)));
        assert_eq!(&*Workload::Unit.of(&socket), format!("docker-{id}.scope"));
        assert_eq!(&*Workload::Container.of(&socket), "0123456789ab");
        socket.cgroup = Some(Arc::new(Cgroup::parse("/")));
        assert_eq!(&*Workload::Unit.of(&socket), "none");
        assert_eq!(&*Workload::Container.of(&socket), "none");
        socket.owners.clear();
        assert_eq!(&*Workload::Comm.of(&socket), "unknown");
    }

    #[test]
    fn foreign_names_are_escaped() {
        let mut socket = socket();
        socket.cgroup = Some(Arc::new(Cgroup::parse("/evil\x1b[2J.service")));
        assert_eq!(&*Workload::Unit.of(&socket), "evil\\x1b[2J.service");
    }
}
