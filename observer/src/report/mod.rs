//! Prints judged sockets and events: as text for people, as JSON for programs.

pub(crate) mod column;
pub mod json;
pub mod order;
pub(crate) mod parallel;
mod set;
pub mod table;
pub mod trace;
