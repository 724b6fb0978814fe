//! Inputs of the loop that draws. Scans and events wait in a place each: neither waits for the
//! screen, of scans the last is kept, of events the last few.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};

use super::app::TextLine;

/// Input that wakes the loop that draws.
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

/// One place for what came last, and a notification of the loop when it was empty before.
#[derive(Debug)]
pub(super) struct Slot<T> {
    value: Mutex<Option<T>>,
    pub(super) to: Sender<Input>,
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
    pub(super) fn put(&self, new: T, together: impl FnOnce(T, T) -> T) -> bool {
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

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
    fn nobody_left_to_hear_is_noticed() {
        let (to, words) = mpsc::channel();
        let scans = Slot::new(to, || Input::Scan);
        drop(words);
        assert!(!scans.put(1, |_, new| new));
    }
}
