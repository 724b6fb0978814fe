//! HTTP server of the agent: metrics for Prometheus, a status page, sockets as JSON.
//!
//! The agent hands an [`Exporter`] what is new, and a [`Server`] answers from that: no request but
//! one for every socket makes anybody scan.

mod api;
pub(crate) mod auth;
mod cached_body;
mod chunked_body;
pub mod error;
mod full_scan;
mod host_info;
pub mod metrics;
pub(crate) mod negotiate;
mod page;
pub mod server;
mod state;
mod text;
mod tls;
pub(crate) mod web_config;

pub use error::ServeError;
pub use full_scan::{FullScan, FullScans};
pub use host_info::HostInfo;
pub use metrics::Metrics;
pub use server::{Reloader, Server, ServerConfig, ServerLimits};
pub use state::{Exporter, ExporterSettings, ReadQuery};
pub use tls::TlsFiles;
