//! Entry points of the fuzz targets in `fuzz/`: each gives bytes to the code that reads them when
//! they come from outside, and panics when something that must hold does not. No part of observer:
//! behind the feature `fuzzing`.
//!
//! Each module is a target of its name. The tests give every entry point its committed corpus.

pub mod btf;
pub mod cgroup;
pub mod config;
pub mod events;
pub mod headers;
mod input;
pub mod netlink;
pub mod proc;
pub mod query;
pub mod records;
mod shown;
pub mod texts;
pub mod web_config;

#[cfg(test)]
mod cut_btf;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;
