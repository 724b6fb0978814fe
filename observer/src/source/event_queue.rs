//! Queue of events, whatever sees them.

use std::time::Duration;

use crate::model::event::Message;

/// A queue of events.
pub trait EventQueue {
    /// Waits until something happened, hands over what is queued, oldest first, and returns; at
    /// the latest when `timeout` is over. With a timeout of zero it only empties the queue.
    ///
    /// It may return earlier, with or without a message: a signal came. It must not go on for as
    /// long as new events come: whoever called also has an end to watch for, and output to flush.
    ///
    /// # Errors
    /// The kernel stops answering, or answers what cannot be read.
    fn wait(&mut self, timeout: Duration, each: &mut dyn FnMut(Message)) -> anyhow::Result<()>;

    /// Lets nothing new into the queue; what is in it can still be waited for.
    ///
    /// # Errors
    /// As for [`EventQueue::wait`].
    fn stop(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Number of times that there was no room to remember something of a socket, since the beginning.
    ///
    /// # Errors
    /// As for [`EventQueue::wait`].
    fn tracked_rejected(&self) -> anyhow::Result<u64> {
        Ok(0)
    }
}
