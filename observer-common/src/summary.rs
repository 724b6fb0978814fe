//! The in-kernel summary: walks that count healthy sockets in the kernel and write records of the
//! others only.

/// Number of silences for which sockets are counted.
pub const SILENCES: usize = 7;
/// Ports that one prefix can tell apart.
pub const PORTS: usize = 8;
/// Address prefixes with a limit of their own.
pub const MAX_PREFIXES: u32 = 4096;
/// Addresses of network namespaces.
pub const MAX_ADDRESSES: u32 = 65_536;
/// Workloads told apart in one walk.
pub const MAX_WORKLOADS: u32 = 4096;
/// Files remembered as seen in one walk: those that more than one descriptor leads to.
pub const MAX_SHARED: u32 = 65_536;

/// A path limit, in jiffies.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitJiffies {
    /// Silence after which the path forgets a connection; 0 where it never does.
    pub limit: u32,
    /// Silence from which a socket is flagged: no longer counted as healthy, but read.
    pub near: u32,
}

/// Limits of one path.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathLimits {
    /// For a connection that is open both ways.
    pub open: LimitJiffies,
    /// For one of which an end has sent its FIN.
    pub half_closed: LimitJiffies,
    /// 1 where payload alone counts against silence, and keepalive does not.
    pub counts_payload: u32,
}

/// Limits of one address prefix, including those that it takes over from shorter prefixes.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrefixLimits {
    /// Remote ports, host order; 0 in places that are not used.
    pub ports: [u16; PORTS],
    /// The limit for each of them.
    pub by_port: [PathLimits; PORTS],
    /// For other ports.
    pub otherwise: PathLimits,
}

/// Settings of one walk.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SummarySettings {
    /// Cookie of observer's own socket, whose record is always written.
    pub calibration: u64,
    /// `file.f_count`, as the walk reads it, of a file that one descriptor leads to; 0 where not
    /// known yet.
    pub single_references: u64,
    /// Number of the walk: files seen in an earlier one do not count as seen.
    pub pass: u64,
    /// Silences for which sockets are counted, in jiffies, from the shortest.
    pub silences: [u32; SILENCES],
    /// Jiffies a second.
    pub hz: u32,
    /// Limit where no prefix matches.
    pub default: PathLimits,
    /// 1 where there are prefixes with limits of their own.
    pub has_prefixes: u32,
    /// 1 where workloads are names of processes, 0 where they are control groups.
    pub by_comm: u32,
    /// Always 0.
    pub padding: u32,
}

/// An address of a network namespace.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LocalAddress {
    /// IPv6, network order; IPv4 v4-mapped.
    pub addr: [u64; 2],
    /// Inode number of the network namespace.
    pub netns: u32,
    /// Always 0.
    pub padding: u32,
}

/// Indices into the arrays of [`Tally`], by verdict.
pub mod verdict {
    /// Keepalive is on, and in time.
    pub const PROTECTED: usize = 0;
    /// Keepalive is on, and too late.
    pub const LATE: usize = 1;
    /// Keepalive is off.
    pub const UNPROTECTED: usize = 2;
    /// No path limit.
    pub const EXEMPT: usize = 3;
    /// Number of verdicts.
    pub const COUNT: usize = 4;
}

/// Sockets of a workload, by [`verdict`].
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkloadCount {
    /// Healthy sockets.
    pub sockets: [u64; verdict::COUNT],
    /// A process of it; 0 for sockets that no process holds.
    pub pid: u32,
    /// Always 0.
    pub padding: u32,
}

/// Sockets of a network namespace, as the kernel's own count has them: in every state but CLOSE.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetnsCount {
    /// All.
    pub all: u64,
    /// Those that listen.
    pub listening: u64,
}

/// Name of a workload: a control group's id and 0; where that is the root, 1 and a process; or the
/// name of a process.
pub type WorkloadKey = [u64; 2];

/// Counts of one walk. Times are jiffies.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Healthy sockets by verdict and silence: the first column is of those below the shortest.
    pub healthy: [[u64; SILENCES + 1]; verdict::COUNT],
    /// Healthy sockets of which the kernel keeps no stamps, by verdict.
    pub unstamped: [u64; verdict::COUNT],
    /// Files with several descriptors, each counted once.
    pub shared: u64,
    /// Least `file.f_count` of observer's own socket.
    pub single_references: u64,
    /// Sockets of workloads that there was no room for.
    pub workloads_rejected: [u64; verdict::COUNT],
    /// Sockets of network namespaces that there was no room for.
    pub netns_rejected: u64,
    /// Workload that the walk is at.
    pub workload: WorkloadKey,
    /// That workload's sockets so far.
    pub workload_count: WorkloadCount,
    /// Sockets so far of `netns`.
    pub netns_count: NetnsCount,
    /// Inode number of the network namespace that the walk is at.
    pub netns: u32,
    /// Longest silence, by verdict.
    pub longest: [u32; verdict::COUNT],
    /// Least further silence after which a healthy socket is flagged; `u32::MAX` where none ever is.
    pub until_flagged: u32,
}

const _: () = assert!(size_of::<PrefixLimits>() == 196);
const _: () = assert!(size_of::<SummarySettings>() == 88);
const _: () = assert!(size_of::<LocalAddress>() == 24);
const _: () = assert!(size_of::<WorkloadCount>() == 40);
const _: () = assert!(size_of::<NetnsCount>() == 16);
const _: () = assert!(size_of::<Tally>() == 440);
