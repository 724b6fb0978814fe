//! Files that a fleet runs the agent by, in `dist/`: each file is taken by the program that it is for, and
//! they agree with each other.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod kit;

#[path = "dist/calls.rs"]
mod calls;
#[path = "dist/config.rs"]
mod config;
#[path = "dist/grafana.rs"]
mod grafana;
#[path = "dist/kubernetes.rs"]
mod kubernetes;
#[path = "dist/metrics.rs"]
mod metrics;
#[path = "dist/prometheus.rs"]
mod prometheus;
#[path = "dist/rules.rs"]
mod rules;
#[path = "dist/systemd.rs"]
mod systemd;
