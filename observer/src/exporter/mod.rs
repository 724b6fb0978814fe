//! What the agent shows over HTTP: metrics for Prometheus, a status page, sockets as JSON.
//!
//! [`facts`] is what it is given; it knows nothing of where that came from.

mod body;
pub mod facts;
pub mod listen;
pub mod metrics;
mod negotiate;
mod text;
mod visible;

pub use listen::Listen;
pub use metrics::Metrics;
