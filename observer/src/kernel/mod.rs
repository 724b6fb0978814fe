//! The only user of aya: finds sockets by the kernel's own iterators.
//!
//! [`btf`] reads the kernel's description of its types, [`layout`] finds the fields in it that the
//! programs read, [`load`] hands both to the kernel, [`scan`] walks, [`decode`] turns records into
//! sockets. [`survey`] counts calm sockets in the kernel. [`hooks`] remember what a scan cannot see.

mod attempt;
pub mod btf;
mod calibrate;
pub mod decode;
pub(crate) mod found;
pub mod hooks;
mod hosts;
pub mod layout;
pub mod load;
pub(crate) mod records;
pub mod scan;
mod survey;

pub use attempt::{Walks, try_walks};
pub use hooks::{Hooks, HooksChoice};
pub use load::{KernelError, Programs};
pub use scan::{KernelScanner, unknown_fields};
