//! What the agent shows over HTTP: metrics for Prometheus, a status page, sockets as JSON.
//!
//! [`facts`] is what it is given; it knows nothing of where that came from. The agent tells an
//! [`Exporter`] what is new, and a [`Server`] answers from that: no request but one for every socket
//! makes anybody scan.

mod api;
pub(crate) mod auth;
mod body;
pub mod error;
pub mod facts;
pub mod metrics;
pub(crate) mod negotiate;
mod page;
mod pieces;
pub mod server;
mod state;
mod text;
mod tls;
pub(crate) mod web_config;

pub use crate::config::listen::Listen;
pub use error::ServeError;
pub use metrics::Metrics;
pub use server::{Limits, Reloader, Server, ServerConfig};
pub use state::{Exporter, ReadQuery, Settings};
pub use tls::TlsFiles;
