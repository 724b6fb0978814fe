//! Prints judged sockets and events: as text for people, as JSON for programs.

pub(crate) mod column;
pub mod doctor;
pub mod escape;
pub mod explain;
pub mod json;
pub mod order;
pub(crate) mod push;
mod set;
pub mod table;
pub mod trace;
mod wrap;

use std::io::{self, Write};

/// Collects output, and hands it on in large pieces.
struct Sink<'w> {
    buffer: Vec<u8>,
    to: &'w mut dyn Write,
}

/// Large enough that system calls do not count, small enough to stay in the cache.
const PIECE: usize = 64 * 1024;

impl<'w> Sink<'w> {
    fn new(to: &'w mut dyn Write) -> Self {
        Self {
            buffer: Vec::with_capacity(PIECE + PIECE / 4),
            to,
        }
    }

    /// Called between lines: hands the buffer on when it is large.
    fn drain_if_large(&mut self) -> io::Result<()> {
        if self.buffer.len() >= PIECE {
            self.drain()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> io::Result<()> {
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Hands on everything, so that a reader has it.
    fn flush(&mut self) -> io::Result<()> {
        self.drain()?;
        self.to.flush()
    }

    fn finish(mut self) -> io::Result<()> {
        self.flush()
    }
}
