//! The host daemon: looks at the host again and again, and hands on what it finds.

mod desk;
mod hooks;
pub mod log;
mod looks;
mod memory;
pub mod paint;
mod privilege;
mod run;
mod said;
pub mod schedule;
mod service;
pub mod settings;
pub mod workload;

pub use run::{Launch, run};
