//! Prints the explanation of one socket.

pub mod json;
mod text;

pub use text::{Line, Paint, heading, lines, page, write};

#[cfg(test)]
mod tests;
