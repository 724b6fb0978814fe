//! The host daemon: looks at the host again and again, and hands on what it finds.

pub mod paint;
pub mod workload;
