//! What is asked of the in-kernel summary, and what it gives.

use std::sync::Arc;
use std::time::Duration;

use crate::model::scan::UnknownField;
use crate::model::{Cgroup, Comm, Socket};
use crate::policy::Policy;
use crate::policy::counts::{ByVerdict, SocketCounts};

/// How to look at the connected sockets of the host without reading each.
#[derive(Debug, Clone, Copy)]
pub struct SummaryRequest<'a> {
    /// What sockets are judged by.
    pub policy: &'a Policy,
    /// What workloads are: names of processes, else control groups.
    pub by_comm: bool,
}

/// What a look at the connected sockets found.
#[derive(Debug, Default)]
pub struct Summary {
    /// Sockets that were only counted.
    pub calm: SocketCounts,
    /// Workloads of the sockets that were only counted.
    pub calm_workloads: Vec<HealthyWorkload>,
    /// The sockets that were read, in no order.
    pub sockets: Vec<Socket>,
    /// Time until one that was only counted may have to be read; `None` where silence is no danger
    /// to any of them.
    pub soonest: Option<Duration>,
    /// Sockets that the kernel counts as in use and that were not come upon.
    pub unaccounted: u64,
    /// Fields that could not be had.
    pub unknown: Vec<UnknownField>,
    /// What the user should hear once.
    pub notices: Vec<String>,
}

/// The sockets of a workload that were only counted.
#[derive(Debug, Clone)]
pub struct HealthyWorkload {
    /// Their control group, where workloads are that.
    pub cgroup: Option<Arc<Cgroup>>,
    /// The name of their process, where workloads are that.
    pub comm: Option<Comm>,
    /// How many.
    pub sockets: ByVerdict<u64>,
}
