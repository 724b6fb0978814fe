//! `observer watch`: the sockets of this host as they change. Full screen on a terminal, else one
//! line a change of health.
//!
//! [`App`] holds what is shown and what keys do, [`draw`] draws it; neither knows a terminal. Keys,
//! scans and events come from a thread each to the loop that draws (`run`).

mod app;
pub(crate) mod filter;
mod follow;
mod help;
mod input;
mod keys;
pub mod plain;
mod run;
mod scans;
mod screen;
mod snapshot;
mod terminal;
mod view;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::policy::{JudgedRef, Policy, Selection};
use crate::source::{HookedEvents, Source};

pub use app::{App, KeyAction, MOST_EVENTS, TextLine};
pub use filter::ReadFlags;
pub use screen::{ScreenStyle, draw};
pub use snapshot::{JudgedCounts, ScanHeader, Snapshot};
pub use terminal::Screen;

use follow::follow;
use input::{Input, Slot};
use run::{EventLoop, forward_keys, forward_signals};
use scans::Scans;

/// Explains a socket in lines of so many characters.
pub type Explain = fn(&JudgedRef<'_>, usize) -> Vec<TextLine>;

/// Sources and settings of the screen.
pub struct Watch {
    /// Source of scans.
    pub source: Source,
    /// Source of events; `None` without hooks.
    pub events: Option<HookedEvents>,
    /// Policy that judges, for as long as the process runs.
    pub policy: &'static Policy,
    /// Selection that is shown at first.
    pub selection: Selection,
    /// Time from one scan to the next.
    pub interval: Duration,
    /// Time after which it ends by itself.
    pub lasts: Option<Duration>,
    /// Colours and characters that the terminal can show.
    pub style: ScreenStyle,
    /// Reads a filter.
    pub read_flags: ReadFlags,
    /// Explains a socket.
    pub explain: Explain,
    /// Notice that the user should see first.
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
            app.show_message(notice);
        }
        let hooks = self
            .events
            .as_ref()
            .map_or_else(|| self.source.hooks_name(), HookedEvents::hooks_name);
        forward_signals(&to)?;
        let Some(mut screen) = Screen::take()? else {
            return Ok(());
        };
        forward_keys(&to);

        let scans = Arc::new(Slot::new(to.clone(), || Input::Scan));
        let paused = Arc::new(AtomicBool::new(false));
        let (commands, received) = mpsc::channel();
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
        let stopped = Arc::new(AtomicBool::new(false));
        let follower = self.events.map(|hooked| {
            let (place, selection) = (Arc::clone(&events), self.selection.clone());
            let (policy, stopped) = (self.policy, Arc::clone(&stopped));
            thread::spawn(move || follow(hooked, policy, &selection, &place, &stopped))
        });

        let outcome = EventLoop {
            app: &mut app,
            screen: &mut screen,
            style: self.style,
            ends_at: self.lasts.map(|lasts| Instant::now() + lasts),
            states: self.selection.scan_states(),
            inputs: &inputs,
            to: &to,
            scans: &scans,
            events: &events,
            commands: &commands,
            paused: &paused,
            explain: self.explain,
            is_scanning: &|| !scanner.is_finished(),
        }
        .run();
        // Dropped there, the hooks hide what they remember before the kernel gives it back. Not after
        // the terminal is given back: until this process ends, its thread would take what is typed.
        stopped.store(true, Ordering::Relaxed);
        if let Some(Err(panic)) = follower.map(thread::JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        drop(screen);
        outcome
    }
}
