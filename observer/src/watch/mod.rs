//! `observer watch`: the sockets of this host as they change. Full screen on a terminal, else one
//! line a change of health.
//!
//! [`App`] holds what is shown and what keys do, [`draw`] draws it; neither knows a terminal. The
//! loop here waits for keys, scans and events, each from a thread of its own.

mod app;
mod feed;
mod filter;
mod keys;
pub mod plain;
mod screen;
mod snapshot;
mod terminal;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEventKind};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

use crate::host::clock;
use crate::policy::{Judged, Policy, Selection};
use crate::source::{HookedEvents, Source};

pub use app::{App, MOST_EVENTS, Outcome, TextLine};
pub use filter::ReadFlags;
pub use screen::{Look, draw};
pub use snapshot::{Counts, How, Snapshot};
pub use terminal::Screen;

use feed::{Input, NewEvents, Order, Scans, Slot, follow};

/// Explains a socket in lines of so many characters.
pub type Explain = fn(&Judged<'_>, usize) -> Vec<TextLine>;

/// What there is to watch, and how.
pub struct Watch {
    /// Scans.
    pub source: Source,
    /// Tells of events; `None` without hooks.
    pub events: Option<HookedEvents>,
    /// Judges; for as long as the process runs.
    pub policy: &'static Policy,
    /// What is shown at first.
    pub selection: Selection,
    /// Time from one scan to the next.
    pub interval: Duration,
    /// When to end by itself.
    pub lasts: Option<Duration>,
    /// What the terminal can show.
    pub look: Look,
    /// Reads a filter.
    pub read_flags: ReadFlags,
    /// Explains a socket.
    pub explain: Explain,
    /// What the user should see first.
    pub notice: Option<String>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

impl Watch {
    /// Shows the screen until the user has seen enough.
    ///
    /// # Errors
    /// The terminal fails, or the kernel stops answering. The terminal is given back first.
    pub fn run(self) -> anyhow::Result<()> {
        let (to, inputs) = mpsc::channel();
        let mut app = App::new(
            self.selection.clone(),
            self.events.is_some(),
            self.read_flags,
        );
        if let Some(notice) = self.notice {
            app.say(notice);
        }
        let hooks = self
            .events
            .as_ref()
            .map_or_else(|| self.source.hooks_name(), HookedEvents::hooks_name);
        forward_signals(&to)?;
        let mut screen = Screen::take()?;
        forward_keys(&to);

        let scans = Arc::new(Slot::new(to.clone(), || Input::Scan));
        let paused = Arc::new(AtomicBool::new(false));
        let (orders, received) = mpsc::channel();
        let scanning = Scans {
            source: self.source,
            policy: self.policy,
            states: self.selection.scan_states(),
            interval: self.interval,
            paused: Arc::clone(&paused),
            hooks,
        };
        let place = Arc::clone(&scans);
        let scanner = thread::spawn(move || scanning.run(&received, &place));
        let events = Arc::new(Slot::new(to.clone(), || Input::Events));
        if let Some(hooked) = self.events {
            let (place, selection) = (Arc::clone(&events), self.selection.clone());
            let policy = self.policy;
            thread::spawn(move || follow(hooked, policy, &selection, &place));
        }

        let outcome = Loop {
            app: &mut app,
            screen: &mut screen,
            look: self.look,
            ends_at: self.lasts.map(|lasts| Instant::now() + lasts),
            states: self.selection.scan_states(),
            inputs: &inputs,
            to: &to,
            scans: &scans,
            events: &events,
            orders: &orders,
            paused: &paused,
            explain: self.explain,
            is_scanning: &|| !scanner.is_finished(),
        }
        .run();
        drop(screen);
        outcome
    }
}

struct Loop<'a> {
    app: &'a mut App,
    screen: &'a mut Screen,
    look: Look,
    ends_at: Option<Instant>,
    states: crate::model::socket::StateSet,
    inputs: &'a Receiver<Input>,
    to: &'a Sender<Input>,
    scans: &'a Slot<Arc<Snapshot>>,
    events: &'a Slot<NewEvents>,
    orders: &'a Sender<Order>,
    paused: &'a AtomicBool,
    explain: Explain,
    is_scanning: &'a dyn Fn() -> bool,
}

/// The loop wakes at least so often, to see whether all still work.
const TICK: Duration = Duration::from_secs(1);
/// Inputs that are taken before a frame is drawn.
const MOST_AT_ONCE: usize = 100;

impl Loop<'_> {
    fn run(mut self) -> anyhow::Result<()> {
        loop {
            let (app, look) = (&mut *self.app, &self.look);
            app.tick(clock::monotonic_ns());
            self.screen.draw(|frame| draw(frame, app, look))?;
            let left = self.ends_at.map_or(TICK, |at| {
                at.saturating_duration_since(Instant::now()).min(TICK)
            });
            let first = match self.inputs.recv_timeout(left) {
                Ok(input) => input,
                Err(RecvTimeoutError::Timeout) => {
                    if self.ends_at.is_some_and(|at| Instant::now() >= at) {
                        return Ok(());
                    }
                    anyhow::ensure!((self.is_scanning)(), "the thread that scans has ended");
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            let more = std::iter::from_fn(|| self.inputs.try_recv().ok());
            let inputs: Vec<Input> = std::iter::once(first)
                .chain(more.take(MOST_AT_ONCE))
                .collect();
            for input in inputs {
                if self.take(input)? == Goes::Ends {
                    return Ok(());
                }
            }
        }
    }

    fn take(&mut self, input: Input) -> anyhow::Result<Goes> {
        match input {
            Input::Key(key) => {
                let outcome = self.app.key(key);
                self.tell_scanner();
                match outcome {
                    Outcome::Draw => {}
                    Outcome::Quit => return Ok(Goes::Ends),
                    Outcome::Suspend => self.screen.suspend()?,
                    Outcome::Explain(at) => self.start_to_explain(at),
                }
            }
            Input::Signal(SIGTSTP) => self.screen.suspend()?,
            Input::Signal(_) => return Ok(Goes::Ends),
            Input::Resized => {}
            Input::Scan => {
                if let Some(snapshot) = self.scans.take() {
                    self.app.show(snapshot);
                }
            }
            Input::Events => {
                if let Some(NewEvents { lines, seen, lost }) = self.events.take() {
                    self.app.add_events(lines, seen, lost);
                }
            }
            Input::Explained(cookie, lines) => self.app.explain(cookie, lines),
            Input::Failed(error) => return Err(error),
        }
        Ok(Goes::On)
    }

    /// Whether to scan, and for which states, may follow from a key. A thread that is gone is
    /// noticed elsewhere.
    fn tell_scanner(&mut self) {
        let was_paused = self.paused.swap(self.app.paused, Ordering::Relaxed);
        if was_paused && !self.app.paused {
            drop(self.orders.send(Order::Now));
        }
        let states = self.app.choice.selection.scan_states();
        if states != self.states {
            self.states = states;
            drop(self.orders.send(Order::States(states)));
        }
    }

    /// Reading what belongs to another process may take long: on a file system that hangs for ever.
    fn start_to_explain(&self, at: usize) {
        let Some(snapshot) = self.app.snapshot.clone() else {
            return;
        };
        let (to, explain, width) = (self.to.clone(), self.explain, self.app.width);
        thread::spawn(move || {
            if let Some(judged) = snapshot.judged(at) {
                let lines = explain(&judged, width);
                drop(to.send(Input::Explained(judged.socket.cookie, lines)));
            }
        });
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Goes {
    On,
    Ends,
}

fn forward_signals(to: &Sender<Input>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGTSTP])?;
    let to = to.clone();
    thread::spawn(move || {
        for signal in &mut signals {
            if to.send(Input::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn forward_keys(to: &Sender<Input>) {
    let to = to.clone();
    thread::spawn(move || {
        loop {
            let input = match event::read() {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Input::Key(key),
                Ok(Event::Resize(..)) => Input::Resized,
                Ok(_) => continue,
                Err(error) => Input::Failed(error.into()),
            };
            let failed = matches!(input, Input::Failed(_));
            if to.send(input).is_err() || failed {
                return;
            }
        }
    });
}
