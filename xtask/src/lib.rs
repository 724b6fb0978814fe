//! Parts of the developer's commands that the testbed takes too: paths and processes of this machine,
//! Debian packages, guests.

pub mod apt;
pub mod env;
pub mod vm;
