//! A summary of the host's connected sockets, and the request for one.

use std::sync::Arc;
use std::time::Duration;

use crate::model::scan::UnknownField;
use crate::model::{Cgroup, Comm, Socket};
use crate::policy::Policy;
use crate::policy::counts::{ByVerdict, SocketCounts};

/// Request for a summary of the host's connected sockets.
#[derive(Debug, Clone, Copy)]
pub struct SummaryRequest<'a> {
    /// Policy that sockets are judged by.
    pub policy: &'a Policy,
    /// Workloads are names of processes, else control groups.
    pub by_comm: bool,
}

/// Summary of the host's connected sockets.
#[derive(Debug, Default)]
pub struct Summary {
    /// Counts of the sockets that were only counted.
    pub healthy: SocketCounts,
    /// Workloads of the sockets that were only counted.
    pub healthy_workloads: Vec<HealthyWorkload>,
    /// The sockets that were read, in no order.
    pub sockets: Vec<Socket>,
    /// Time until one that was only counted may have to be read; `None` where silence is no danger
    /// to any of them.
    pub until_flagged: Option<Duration>,
    /// Number of sockets that the kernel counts as in use and that no walk found.
    pub unaccounted: u64,
    /// Fields that could not be had.
    pub unknown: Vec<UnknownField>,
    /// Notices for the user, each to be shown once.
    pub notices: Vec<String>,
}

/// The sockets of a workload that were only counted.
#[derive(Debug, Clone)]
pub struct HealthyWorkload {
    /// Their control group, where workloads are that.
    pub cgroup: Option<Arc<Cgroup>>,
    /// The name of their process, where workloads are that.
    pub comm: Option<Comm>,
    /// Number of sockets.
    pub sockets: ByVerdict<u64>,
}
