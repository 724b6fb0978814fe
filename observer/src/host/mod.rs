//! Facts on this host that need neither eBPF nor sock_diag: network namespaces and their
//! addresses, processes and their control groups.

pub mod address;
pub mod cgroup;
pub mod clock;
pub mod inet_diag;
mod mount;
pub mod netlink;
pub mod netns;
pub mod nlmsg;
pub mod process;
pub mod sockstat;
pub mod sysctl;

pub use address::{LocalAddresses, local_addresses};
pub use cgroup::CgroupCache;
pub use netns::{Namespaces, Netns};
pub use process::{Holder, SocketHolders};
pub use sysctl::KeepaliveSysctls;
