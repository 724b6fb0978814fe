//! observer watches TCP keepalive across all processes of a Linux host: it reads the keepalive
//! settings and the silence of every socket and says which connections will die, why, and what to
//! change.
//!
//! Data goes one way: `kernel` or `diag` find sockets (both over `host`), `source` chooses between
//! them, `model` is what they found, `policy` judges it, `render` and `report` show it, `cli` ties it
//! together.
//! `doctor` tries all of that and says what is missing. `agent` does it for ever: `exporter` serves
//! what it finds, `alert` reports it; neither knows of the other.

pub mod agent;
pub mod alert;
pub mod cli;
pub mod config;
pub mod diag;
pub mod doctor;
pub mod explain;
pub mod exporter;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod host;
pub mod kernel;
pub mod model;
pub mod policy;
pub mod render;
pub mod report;
#[cfg(test)]
#[path = "../tests/kit/require.rs"]
mod require;
pub mod source;
pub mod text;
pub mod watch;
