//! Prints judged sockets and events for people, and events for programs.

pub mod table;
pub mod trace;
