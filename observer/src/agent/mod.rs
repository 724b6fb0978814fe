//! The host daemon: looks at the host again and again, and hands on what it finds.

mod desk;
mod hooks;
mod looks;
pub mod paint;
mod privilege;
pub mod schedule;
pub mod settings;
pub mod workload;
