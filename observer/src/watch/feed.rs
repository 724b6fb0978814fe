//! What comes in beside keys: scans on a thread of their own, events on another. Neither waits for
//! the screen: of scans the last is kept, of events the last few.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::app::{MOST_EVENTS, TextLine};
use super::snapshot::{How, Snapshot};
use crate::events::{Events, Message};
use crate::host::clock;
use crate::model::socket::StateSet;
use crate::policy::{Policy, Segments, Selection};
use crate::report::trace::{Clock, Tone, short};
use crate::scan::Request;
use crate::source::Source;

/// What wakes the loop that draws.
#[derive(Debug)]
pub(super) enum Input {
    Key(crossterm::event::KeyEvent),
    Resized,
    Signal(i32),
    /// A scan is in its place.
    Scan,
    /// Events are in theirs.
    Events,
    Explained(Option<u64>, Vec<TextLine>),
    Failed(anyhow::Error),
}

/// One place for what came last, and a word to the loop when it was empty before.
#[derive(Debug)]
pub(super) struct Slot<T> {
    value: Mutex<Option<T>>,
    to: Sender<Input>,
    word: fn() -> Input,
}

impl<T> Slot<T> {
    pub(super) fn new(to: Sender<Input>, word: fn() -> Input) -> Self {
        Self {
            value: Mutex::new(None),
            to,
            word,
        }
    }

    pub(super) fn take(&self) -> Option<T> {
        self.value
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Puts in `new` together with what is there still. Whether anybody listens.
    fn put(&self, new: T, together: impl FnOnce(T, T) -> T) -> bool {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        let old = value.take();
        let was_empty = old.is_none();
        *value = Some(match old {
            Some(old) => together(old, new),
            None => new,
        });
        !was_empty || self.to.send((self.word)()).is_ok()
    }
}

/// What the thread that scans is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Look at sockets in other states.
    States(StateSet),
    /// Scan now.
    Now,
}

/// Scans take at most this part of a CPU: on a host with very many sockets they are further apart
/// than asked for.
const REST_FOR_WORK: u32 = 32;

/// Scans until nobody listens any more.
pub(super) struct Scans {
    pub(super) source: Source,
    pub(super) policy: &'static Policy,
    pub(super) states: StateSet,
    pub(super) interval: Duration,
    pub(super) paused: Arc<AtomicBool>,
    pub(super) hooks: &'static str,
}

impl Scans {
    pub(super) fn run(mut self, orders: &Receiver<Order>, to: &Slot<Arc<Snapshot>>) {
        let mut segments = Segments::default();
        let mut next = Instant::now();
        loop {
            let began_cpu = clock::process_cpu();
            if !self.paused.load(Ordering::Relaxed) {
                match self.scan(&mut segments) {
                    Ok(snapshot) => {
                        if !to.put(Arc::new(snapshot), |_, new| new) {
                            return;
                        }
                    }
                    Err(error) => {
                        drop(to.to.send(Input::Failed(error)));
                        return;
                    }
                }
            }
            let spent = clock::process_cpu().saturating_sub(began_cpu);
            next = (next + self.interval).max(Instant::now() + spent * REST_FOR_WORK);
            let left = next.saturating_duration_since(Instant::now());
            match orders.recv_timeout(left) {
                Ok(Order::States(states)) => self.states = states,
                Ok(Order::Now) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn scan(&mut self, segments: &mut Segments) -> anyhow::Result<Snapshot> {
        let request = Request {
            states: self.states,
        };
        let began = Instant::now();
        let mut scan = self.source.scan(&request)?;
        let took = began.elapsed();
        let taken_ns = clock::monotonic_ns();
        let kept_alive = segments.compare(&mut scan.sockets, taken_ns / 1_000_000);
        let how = How {
            taken_ns,
            scan: self.source.scan_name(),
            hooks: self.hooks,
            took,
            is_incomplete: !scan.unknown.is_empty(),
        };
        Ok(Snapshot::new(scan.sockets, self.policy, &kept_alive, how))
    }
}

/// Events since the screen last looked.
#[derive(Debug, Default)]
pub(super) struct NewEvents {
    pub(super) lines: Vec<TextLine>,
    pub(super) seen: u64,
    pub(super) lost: u64,
}

impl NewEvents {
    /// Older ones than can be shown are counted only.
    fn and(mut self, new: Self) -> Self {
        self.lines.extend(new.lines);
        let too_many = self.lines.len().saturating_sub(MOST_EVENTS);
        self.lines.drain(..too_many);
        self.seen += new.seen;
        self.lost += new.lost;
        self
    }
}

/// Between two looks at the queue, so that a flood of events does not become one of frames.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one wait for events may take.
const WAIT: Duration = Duration::from_millis(500);

/// Hands on events until nobody listens any more.
pub(super) fn follow(
    mut events: impl Events,
    policy: &'static Policy,
    selection: &Selection,
    to: &Slot<NewEvents>,
) {
    loop {
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
                    let judgement = policy.judge(&event.socket, false);
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
        if let Err(error) = waited {
            drop(to.to.send(Input::Failed(error)));
            return;
        }
        if new.seen == 0 && new.lost == 0 {
            continue;
        }
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
        }
    }

    /// A terminal that takes nothing for long keeps nobody waiting and lets nothing grow.
    #[test]
    fn who_puts_never_waits_for_who_takes() {
        let (to, words) = mpsc::channel();
        let scans = Slot::new(to, || Input::Scan);
        for n in 0..10_000 {
            assert!(scans.put(n, |_, new| new));
        }
        assert_eq!(scans.take(), Some(9_999));
        assert_eq!(scans.take(), None);
        assert_eq!(words.try_iter().count(), 1, "one word until it is taken");
        assert!(scans.put(7, |_, new| new));
        assert_eq!(words.try_iter().count(), 1);
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

    #[test]
    fn nobody_left_to_hear_is_noticed() {
        let (to, words) = mpsc::channel();
        let scans = Slot::new(to, || Input::Scan);
        drop(words);
        assert!(!scans.put(1, |_, new| new));
    }
}
