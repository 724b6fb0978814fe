//! What the agent shows over HTTP: metrics for Prometheus, a status page, sockets as JSON.
//!
//! [`facts`] is what it is given; it knows nothing of where that came from.

pub mod facts;
pub mod listen;

pub use listen::Listen;
