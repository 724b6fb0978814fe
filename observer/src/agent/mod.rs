//! Host daemon: sweeps the host at each interval, and hands on the result.

mod collector;
mod command;
mod event_loop;
mod full_scans;
mod hooks;
mod host_sources;
pub mod log;
mod memory;
mod reload;
mod run;
mod sandbox;
mod scan_requests;
pub mod schedule;
mod seen_notices;
mod service;
pub mod settings;
pub mod snapshot;
pub mod workload;

pub use run::{Launch, run};
