//! Events, on a thread of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::app::{MOST_EVENTS, TextLine};
use super::input::{Input, Slot};
use crate::model::event::Message;
use crate::policy::{Policy, Selection};
use crate::render::{Clock, Tone, short};
use crate::source::event_queue::EventQueue;

/// Events since the screen last took them.
#[derive(Debug, Default)]
pub(super) struct NewEvents {
    pub(super) lines: Vec<TextLine>,
    pub(super) seen: u64,
    pub(super) lost: u64,
    /// Number of times that there was no room to track a socket, since the beginning.
    pub(super) tracked_rejected: u64,
}

impl NewEvents {
    /// Older ones than can be shown are counted only.
    fn and(mut self, new: Self) -> Self {
        self.lines.extend(new.lines);
        let too_many = self.lines.len().saturating_sub(MOST_EVENTS);
        self.lines.drain(..too_many);
        self.seen += new.seen;
        self.lost += new.lost;
        self.tracked_rejected = new.tracked_rejected;
        self
    }
}

/// Pause before the queue is read again, so that a flood of events does not become one of frames.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest wait for events, and so the longest time that the end takes.
const WAIT: Duration = Duration::from_millis(100);

/// Hands on events until it is stopped or nobody listens any more.
pub(super) fn follow(
    mut events: impl EventQueue,
    policy: &'static Policy,
    selection: &Selection,
    to: &Slot<NewEvents>,
    stopped: &AtomicBool,
) {
    let mut rejected_before = 0;
    while !stopped.load(Ordering::Relaxed) {
        let mut new = NewEvents::default();
        let mut clock = None;
        let waited = events.wait(WAIT, &mut |message| {
            let clock = *clock.get_or_insert_with(Clock::now);
            match message {
                Message::Lost(count) => new.lost += count,
                Message::Event(event) => {
                    if !selection.matches_event(&event) {
                        return;
                    }
                    let judgement = policy.judge(&event.socket);
                    if !selection.matches_judgement(&judgement) {
                        return;
                    }
                    new.seen += 1;
                    if new.lines.len() == 2 * MOST_EVENTS {
                        new.lines.drain(..MOST_EVENTS);
                    }
                    new.lines.push(TextLine {
                        text: short(&event, clock),
                        tone: Tone::of(&event),
                    });
                }
            }
        });
        match waited.and_then(|()| events.tracked_rejected()) {
            Ok(rejected) => new.tracked_rejected = rejected,
            Err(error) => {
                drop(to.to.send(Input::Failed(error)));
                return;
            }
        }
        if new.seen == 0 && new.lost == 0 && new.tracked_rejected == rejected_before {
            continue;
        }
        rejected_before = new.tracked_rejected;
        if !to.put(new, NewEvents::and) {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn events(count: u64) -> NewEvents {
        let line = |n| TextLine {
            text: format!("event {n}"),
            tone: Tone::Plain,
        };
        NewEvents {
            lines: (0..count).map(line).collect(),
            seen: count,
            lost: 1,
            tracked_rejected: count,
        }
    }

    #[test]
    fn events_that_wait_are_bounded_and_counted() {
        let (to, _words) = mpsc::channel();
        let waiting = Slot::new(to, || Input::Events);
        for _ in 0..50 {
            assert!(waiting.put(events(300), NewEvents::and));
        }
        let waiting = waiting.take().unwrap();
        assert_eq!(waiting.lines.len(), MOST_EVENTS);
        assert_eq!(waiting.lines.last().unwrap().text, "event 299");
        assert_eq!((waiting.seen, waiting.lost), (15_000, 50));
    }
}
