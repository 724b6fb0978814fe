//! Events as they come, one a line: text for people, JSON for programs. docs/events.md is the
//! reference for users.

mod jsonl;
mod text;

use std::io::{self, Write};

use crate::model::Event;
use crate::policy::Verdict;
use crate::render::Clock;
use crate::text::output::OutputBuffer;

use text::Text;

/// Form in which events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns.
    Text {
        /// With colours.
        color: bool,
    },
    /// One JSON object a line.
    Jsonl,
}

/// Prints events. What it is given stays with it until there is much, or until
/// [`Writer::flush`].
pub struct Writer<'w> {
    sink: OutputBuffer<'w>,
    /// `None` prints JSON.
    text: Option<Text>,
}

impl<'w> Writer<'w> {
    /// Starts, for people with a header.
    pub fn new(to: &'w mut dyn Write, format: Format) -> Self {
        let mut sink = OutputBuffer::new(to);
        let text = match format {
            Format::Text { color } => Some(Text::new(color)),
            Format::Jsonl => None,
        };
        if let Some(text) = &text {
            text.header(&mut sink.buffer);
        }
        Self { sink, text }
    }

    /// Prints an event with the verdict on its socket.
    ///
    /// # Errors
    /// Its output cannot be written.
    pub fn event(
        &mut self,
        event: &Event,
        verdict: Option<Verdict>,
        clock: Clock,
    ) -> io::Result<()> {
        let (out, at_ms) = (&mut self.sink.buffer, clock.wall_ms(event.at_ns));
        match &mut self.text {
            Some(text) => text.event(out, event, at_ms),
            None => jsonl::event(out, event, verdict, at_ms),
        }
        self.sink.drain_if_large()
    }

    /// Prints that events did not fit, which was noticed at `clock`.
    ///
    /// # Errors
    /// Its output cannot be written.
    pub fn lost(&mut self, count: u64, clock: Clock) -> io::Result<()> {
        let (out, at_ms) = (&mut self.sink.buffer, clock.now_ms());
        match &mut self.text {
            Some(text) => text.lost(out, count, at_ms),
            None => jsonl::lost(out, count, at_ms),
        }
        self.sink.drain_if_large()
    }

    /// Hands on what was printed, so that a reader has it.
    ///
    /// # Errors
    /// Its output cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
