//! Text for people and programs: escaping of foreign names, numbers, quantities, lines. Knows nothing
//! of sockets beyond their plain types.

pub mod escape;
pub(crate) mod json;
pub(crate) mod output;
pub(crate) mod push;
pub(crate) mod quantity;

pub(crate) mod visible;
pub(crate) mod wrap;
