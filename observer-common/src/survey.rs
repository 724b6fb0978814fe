//! The survey: a walk that counts calm sockets in the kernel and sends up only the others.

/// The number of silences for which sockets are counted.
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
pub struct Limit {
    /// Silence after which the path forgets a connection; 0 where it never does.
    pub limit: u32,
    /// Silence from which a socket is no longer calm.
    pub near: u32,
}

/// The limits of one address prefix: as its rules have it, or else those of shorter prefixes.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrefixLimits {
    /// Remote ports, host order; 0 in places that are not used.
    pub ports: [u16; PORTS],
    /// The limit for each of them.
    pub by_port: [Limit; PORTS],
    /// For other ports.
    pub otherwise: Limit,
}

/// What the survey judges by.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SurveySettings {
    /// Cookie of observer's own socket, which is always sent up.
    pub calibration: u64,
    /// What `file.f_count` says of a file that one descriptor leads to, as the walk sees it; 0
    /// where that is not known yet.
    pub single: u64,
    /// Number of the walk: files seen in an earlier one do not count as seen.
    pub pass: u64,
    /// The silences for which sockets are counted, in jiffies, from the shortest.
    pub silences: [u32; SILENCES],
    /// Jiffies a second.
    pub hz: u32,
    /// The limit where no prefix matches.
    pub default: Limit,
    /// 1 where there are prefixes with limits of their own.
    pub has_prefixes: u32,
    /// 1 where workloads are names of processes, 0 where they are control groups.
    pub by_comm: u32,
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

/// Verdicts, as [`Tally`] has them in its arrays.
pub mod verdict {
    /// Keepalive is on, and in time.
    pub const PROTECTED: usize = 0;
    /// Keepalive is on, and too late.
    pub const LATE: usize = 1;
    /// Keepalive is off.
    pub const UNPROTECTED: usize = 2;
    /// No path limit.
    pub const EXEMPT: usize = 3;
    /// How many there are.
    pub const COUNT: usize = 4;
}

/// Sockets of a workload, by [`verdict`].
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkloadCount {
    /// Calm sockets.
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

/// What one walk counts. Times are jiffies.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Calm sockets by verdict and silence: the first column is of those below the shortest.
    pub calm: [[u64; SILENCES + 1]; verdict::COUNT],
    /// Calm sockets of which the kernel keeps no stamps, by verdict.
    pub unstamped: [u64; verdict::COUNT],
    /// Times that a file with several descriptors was seen first.
    pub shared: u64,
    /// The least `file.f_count` of observer's own socket.
    pub single: u64,
    /// Sockets of workloads that there was no room for.
    pub workloads_rejected: [u64; verdict::COUNT],
    /// Sockets of network namespaces that there was no room for.
    pub netns_rejected: u64,
    /// The workload that the walk is at.
    pub workload: WorkloadKey,
    /// Its sockets so far.
    pub workload_count: WorkloadCount,
    /// The namespace's sockets so far.
    pub netns_count: NetnsCount,
    /// The network namespace that the walk is at.
    pub netns: u32,
    /// The longest silence, by verdict.
    pub longest: [u32; verdict::COUNT],
    /// Time until a calm socket may be calm no more, `u32::MAX` where none is on its way.
    pub soonest: u32,
}

const _: () = assert!(size_of::<PrefixLimits>() == 88);
const _: () = assert!(size_of::<SurveySettings>() == 72);
const _: () = assert!(size_of::<LocalAddress>() == 24);
const _: () = assert!(size_of::<WorkloadCount>() == 40);
const _: () = assert!(size_of::<NetnsCount>() == 16);
const _: () = assert!(size_of::<Tally>() == 440);
