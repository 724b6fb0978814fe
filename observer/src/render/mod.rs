//! Rendering that consumers share: the cells of a socket, its JSON object, the order of sockets, an
//! event in words.

mod cell;
pub mod clock;
pub(crate) mod column;
pub mod event;
pub mod json;
pub mod order;
pub(crate) mod parallel;
mod set_option;

pub use clock::Clock;
pub use event::{Tone, short};
