//! The loop that draws, and the threads that hand it keys and signals.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEventKind};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

use super::Explain;
use super::app::{App, KeyAction};
use super::follow::NewEvents;
use super::input::{Input, Slot};
use super::scans::ScanCommand;
use super::screen::{ScreenStyle, draw};
use super::snapshot::Snapshot;
use super::terminal::Screen;
use crate::host::clock;
use crate::model::StateSet;

/// The loop that draws: it waits for keys, scans and events.
pub(super) struct EventLoop<'a> {
    pub(super) app: &'a mut App,
    pub(super) screen: &'a mut Screen,
    pub(super) style: ScreenStyle,
    pub(super) ends_at: Option<Instant>,
    pub(super) states: StateSet,
    pub(super) inputs: &'a Receiver<Input>,
    pub(super) to: &'a Sender<Input>,
    pub(super) scans: &'a Slot<Arc<Snapshot>>,
    pub(super) events: &'a Slot<NewEvents>,
    pub(super) commands: &'a Sender<ScanCommand>,
    pub(super) paused: &'a AtomicBool,
    pub(super) explain: Explain,
    pub(super) is_scanning: &'a dyn Fn() -> bool,
}

/// The loop wakes at least so often, to see whether all still work.
const TICK: Duration = Duration::from_secs(1);
/// Inputs that are taken before a frame is drawn.
const MOST_AT_ONCE: usize = 100;

impl EventLoop<'_> {
    pub(super) fn run(mut self) -> anyhow::Result<()> {
        loop {
            let (app, style) = (&mut *self.app, &self.style);
            app.tick(clock::monotonic_ns());
            self.screen.draw(|frame| draw(frame, app, style))?;
            let left = self.ends_at.map_or(TICK, |at| {
                at.saturating_duration_since(Instant::now()).min(TICK)
            });
            if left.is_zero() {
                return Ok(());
            }
            let first = match self.inputs.recv_timeout(left) {
                Ok(input) => input,
                Err(RecvTimeoutError::Timeout) => {
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
                if self.take(input)?.is_break() {
                    return Ok(());
                }
            }
        }
    }

    fn take(&mut self, input: Input) -> anyhow::Result<ControlFlow<()>> {
        match input {
            Input::Key(key) => {
                let outcome = self.app.key(key);
                self.command_scanner();
                match outcome {
                    KeyAction::Draw => {}
                    KeyAction::Quit => return Ok(ControlFlow::Break(())),
                    KeyAction::Suspend => return self.suspend(),
                    KeyAction::Explain(at) => self.start_to_explain(at),
                }
            }
            Input::Signal(SIGTSTP) => return self.suspend(),
            Input::Signal(_) => return Ok(ControlFlow::Break(())),
            Input::Resized => {}
            Input::Scan => {
                if let Some(snapshot) = self.scans.take() {
                    self.app.show(snapshot);
                }
            }
            Input::Events => {
                if let Some(new) = self.events.take() {
                    self.app.add_events(new.lines, new.seen, new.lost);
                    self.app.tracked_rejected = new.tracked_rejected;
                }
            }
            Input::Explained(cookie, lines) => self.app.explain(cookie, lines),
            Input::Failed(error) => return Err(error),
        }
        Ok(ControlFlow::Continue(()))
    }

    fn suspend(&mut self) -> anyhow::Result<ControlFlow<()>> {
        Ok(if self.screen.suspend()? {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
    }

    /// Commands that follow from a key: to scan or not, and for which states. A thread that is gone is
    /// noticed elsewhere.
    fn command_scanner(&mut self) {
        let was_paused = self.paused.swap(self.app.paused, Ordering::Relaxed);
        if was_paused && !self.app.paused {
            drop(self.commands.send(ScanCommand::Now));
        }
        let states = self.app.choice.selection.scan_states();
        if states != self.states {
            self.states = states;
            drop(self.commands.send(ScanCommand::States(states)));
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

/// Hands on signals that end or suspend.
pub(super) fn forward_signals(to: &Sender<Input>) -> std::io::Result<()> {
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

/// Hands on keys.
pub(super) fn forward_keys(to: &Sender<Input>) {
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
