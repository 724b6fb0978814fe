//! Facts on this host that need neither eBPF nor sock_diag: network namespaces and their
//! addresses, processes and their control groups, programs, resolvers and sysctls.

pub mod address;
pub mod cgroup;
pub mod clock;
pub mod descriptor;
pub mod elf;
pub mod inet_diag;
pub mod limits;
pub(crate) mod mount;
pub mod netlink;
pub mod netns;
pub mod nlmsg;
pub mod pid_namespace;
pub mod process;
pub mod program;
pub mod python;
pub mod resolver;
pub mod root;
pub mod sockstat;
pub mod sysctl;
pub mod tracefs;

pub use address::{LocalAddresses, local_addresses};
pub use cgroup::CgroupCache;
pub use limits::SocketLimits;
pub use netns::{Namespaces, Netns};
pub use process::{Holder, SocketHolders};
pub use program::Program;
pub use resolver::Resolver;
pub use sysctl::{KeepaliveSysctls, RetrySysctls};
