//! The only user of aya: finds sockets by the kernel's own iterators.
//!
//! [`btf`] reads the kernel's description of its types, [`layout`] finds the fields in it that the
//! programs read, [`load`] hands both to the kernel. [`scanner`] offers two kinds of walks: `scan`
//! reads every socket, `summary` counts healthy ones in the kernel. [`decode`] turns records into
//! sockets. [`hooks`] remember what a scan cannot see.

mod attempt;
pub mod btf;
mod calibrate;
pub mod decode;
pub mod error;
pub mod hooks;
pub mod layout;
pub mod load;
mod namespaces;
pub(crate) mod records;
mod scan;
pub mod scanner;
pub(crate) mod socket_set;
pub(crate) mod summary;
mod walk;

pub use attempt::{WalkTrial, try_walks};
pub use error::KernelError;
pub use hooks::{Hooks, HooksChoice};
pub use scanner::{KernelScanner, unknown_fields};
