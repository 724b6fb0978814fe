//! Buffered output.

use std::io::{self, Write};

/// Collects output, and hands it on in large pieces.
pub(crate) struct OutputBuffer<'w> {
    pub(crate) buffer: Vec<u8>,
    to: &'w mut dyn Write,
}

/// Large enough that system calls do not count, small enough to stay in the cache.
const CHUNK_LEN: usize = 64 * 1024;

impl<'w> OutputBuffer<'w> {
    pub(crate) fn new(to: &'w mut dyn Write) -> Self {
        Self {
            buffer: Vec::with_capacity(CHUNK_LEN + CHUNK_LEN / 4),
            to,
        }
    }

    /// Called between lines: hands the buffer on when it is large.
    pub(crate) fn drain_if_large(&mut self) -> io::Result<()> {
        if self.buffer.len() >= CHUNK_LEN {
            self.drain()?;
        }
        Ok(())
    }

    pub(crate) fn drain(&mut self) -> io::Result<()> {
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Hands on everything, so that a reader has it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.drain()?;
        self.to.flush()
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()
    }
}
