//! Queue of events: the ring buffer, read.

use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use observer_common::EventRecord;
use observer_common::event::WAKE_APART_NS;
use rustix::event::{PollFd, PollFlags, Timespec};
use smallvec::SmallVec;

use super::{Hooks, decode};
use crate::kernel::decode::Units;
use crate::model::event::Message;

/// Most events of one read, after which whoever listens may stop.
const MOST_AT_ONCE: usize = 16_384;

pub(crate) fn event_record(bytes: &[u8]) -> Option<EventRecord> {
    if bytes.len() != size_of::<EventRecord>() {
        return None;
    }
    // SAFETY: as long as the type, which holds integers only.
    Some(unsafe { bytes.as_ptr().cast::<EventRecord>().read_unaligned() })
}

impl Hooks {
    /// Waits at most `timeout` for events, and hands out those that are there, then how many were
    /// lost.
    ///
    /// # Errors
    /// Polling fails, or the counters cannot be read.
    pub fn wait(&mut self, timeout: Duration, each: &mut dyn FnMut(Message)) -> io::Result<()> {
        self.pause(timeout)?;
        if let Some(log) = &mut self.log {
            log.flush();
        }
        self.read_before = 0;
        // Bounded, so that whoever listens comes to print and to stop while events pour in.
        for _ in 0..MOST_AT_ONCE {
            let Some(item) = self.events.next() else {
                break;
            };
            self.read_before += 1;
            if let Some(record) = event_record(&item) {
                if self.units.hz == 0 {
                    self.units.hz = Units::guess_hz_now(record.socket.jiffies);
                }
                // Scans make a socket of their own to calibrate by.
                let is_own = record.pid == self.own_pid;
                if !is_own && let Some(event) = decode::event(&record, self.units) {
                    each(Message::Event(event));
                }
            }
        }
        self.report_lost(each)
    }

    /// Waits for events. The kernel side wakes nobody within [`WAKE_APART_NS`] of the last time, so
    /// after some were read there may be more without a word.
    fn pause(&self, timeout: Duration) -> io::Result<()> {
        let again = timeout.min(Duration::from_nanos(WAKE_APART_NS + WAKE_APART_NS / 5));
        let fit = self.capacity.events_bytes as usize / size_of::<EventRecord>();
        if self.read_before == 0 {
            self.poll(timeout).map(drop)
        } else if self.read_before < fit / 2 {
            // Reading one by one as they come would slow down whoever makes them.
            std::thread::sleep(again);
            Ok(())
        } else {
            self.poll(again).map(drop)
        }
    }

    pub(super) fn poll(&self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        let mut fds: SmallVec<[PollFd<'_>; 2]> = SmallVec::new();
        fds.push(PollFd::from_borrowed_fd(self.events.as_fd(), PollFlags::IN));
        if let Some(log) = &self.log {
            fds.push(PollFd::from_borrowed_fd(log.as_fd(), PollFlags::IN));
        }
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn report_lost(&mut self, each: &mut dyn FnMut(Message)) -> io::Result<()> {
        let counters = self.counters()?;
        if let Some(log) = &mut self.log {
            log.report_suppressed(counters.logs_suppressed);
        }
        let lost = counters.events_lost + self.missed_runs()?;
        let new = lost.saturating_sub(self.lost_before);
        self.lost_before = lost;
        if new > 0 {
            each(Message::Lost(new));
        }
        Ok(())
    }
}

#[cfg(test)]
impl Hooks {
    /// The records of what happens while `work` runs.
    pub(crate) fn raw_events(&mut self, work: impl FnOnce()) -> Vec<Vec<u8>> {
        self.listen(&observer_common::EventKind::ALL).unwrap();
        work();
        self.poll(Duration::from_secs(1)).unwrap();
        let mut records = Vec::new();
        while let Some(item) = self.events.next() {
            records.push(item.to_vec());
        }
        records
    }
}
