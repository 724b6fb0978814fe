//! Prints the explanation of one socket.

pub mod json;
mod text;
mod wrap;

pub use text::{Line, Paint, heading, lines, write};

#[cfg(test)]
mod tests;
