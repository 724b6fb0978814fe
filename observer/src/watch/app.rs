//! State of the screen, and what keys do to it. Knows no terminal and no clock.

use std::collections::VecDeque;
use std::sync::Arc;

use super::filter::{self, ReadFlags};
use super::snapshot::Snapshot;
use super::view::{Grouping, View, ViewOptions};
use crate::policy::{JudgedRef, Selection};
use crate::render::Tone;
use crate::render::order::SortOrder;

/// A line for people: an event, or a part of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLine {
    /// Escaped text.
    pub text: String,
    /// Tone that it is coloured by.
    pub tone: Tone,
}

/// Events that are kept; older ones fall out.
pub const MOST_EVENTS: usize = 1000;

/// Part of the screen that has the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// The list of sockets.
    List,
    /// Events over the whole screen, from so many lines above the last.
    Events(usize),
    /// One socket explained, from this line on.
    Detail {
        /// The socket's cookie.
        cookie: Option<u64>,
        /// Lines that explain it.
        lines: Vec<TextLine>,
        /// The first line shown.
        top: usize,
    },
    /// The help, from this line on.
    Help(usize),
    /// A line is typed.
    Prompt(Prompt, String),
}

/// Purpose of the line that is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompt {
    /// Text to find.
    Search,
    /// Flags that select.
    Filter,
}

/// Action of the loop after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAction {
    /// Draw again.
    Draw,
    /// End.
    Quit,
    /// Give the terminal back and stop, as Ctrl-Z does.
    Suspend,
    /// Explain the socket at this place of the snapshot.
    Explain(usize),
}

/// Everything that is shown.
#[derive(Debug)]
pub struct App {
    pub(super) snapshot: Option<Arc<Snapshot>>,
    pub(super) view: View,
    pub(super) choice: ViewOptions,
    /// Filter as it was typed.
    pub(super) filter_text: String,
    /// Selection of the command line's flags; a filter takes its place.
    flags: Selection,
    read_flags: ReadFlags,
    pub(super) search: String,
    /// The line that is marked.
    pub(super) cursor: usize,
    /// The first line shown.
    pub(super) top: usize,
    /// Number of lines that were shown last.
    pub(super) page: usize,
    /// Width of the screen then.
    pub(super) width: usize,
    pub(super) mode: Mode,
    pub(super) paused: bool,
    /// Arrived while paused.
    waiting: Option<Arc<Snapshot>>,
    pub(super) events: VecDeque<TextLine>,
    /// Events so far, shown or not.
    pub(super) events_seen: u64,
    pub(super) events_lost: u64,
    /// Number of times that there was no room to track a socket.
    pub(super) tracked_rejected: u64,
    /// Hooks are attached that report events.
    pub(super) has_events: bool,
    /// Age of the snapshot, in milliseconds.
    pub(super) age_ms: u64,
    /// Message to the user.
    pub(super) message: Option<String>,
}

impl App {
    /// An empty screen.
    #[must_use]
    pub fn new(selection: Selection, has_events: bool, read_flags: ReadFlags) -> Self {
        Self {
            snapshot: None,
            view: View::default(),
            choice: ViewOptions {
                selection: selection.clone(),
                order: SortOrder::Danger,
                grouping: None,
                within: None,
            },
            filter_text: String::new(),
            flags: selection,
            read_flags,
            search: String::new(),
            cursor: 0,
            top: 0,
            page: 1,
            width: 80,
            mode: Mode::List,
            paused: false,
            waiting: None,
            events: VecDeque::new(),
            events_seen: 0,
            events_lost: 0,
            tracked_rejected: 0,
            has_events,
            age_ms: 0,
            message: None,
        }
    }

    /// Shows a finished scan; while paused it waits.
    pub fn show(&mut self, snapshot: Arc<Snapshot>) {
        if self.paused {
            self.waiting = Some(snapshot);
            return;
        }
        let marked = self.marked();
        self.snapshot = Some(snapshot);
        self.refresh_view(marked);
    }

    /// Adds events, of which `seen` happened and `lost` did not fit.
    pub fn add_events(&mut self, lines: Vec<TextLine>, seen: u64, lost: u64) {
        self.events_seen += seen;
        self.events_lost += lost;
        if self.paused {
            return;
        }
        for line in lines {
            if self.events.len() == MOST_EVENTS {
                self.events.pop_front();
            }
            self.events.push_back(line);
        }
    }

    /// Lets the time that is left run down between two scans. `now_ns` is `CLOCK_MONOTONIC`.
    pub fn tick(&mut self, now_ns: u64) {
        if let Some(snapshot) = &self.snapshot
            && !self.paused
        {
            self.age_ms = now_ns.saturating_sub(snapshot.how.taken_ns) / 1_000_000;
        }
    }

    /// Shows a message until the next key.
    pub fn show_message(&mut self, message: String) {
        self.message = Some(message);
    }

    /// Shows what explains a socket.
    pub fn explain(&mut self, explained: Option<u64>, text: Vec<TextLine>) {
        if let Mode::Detail { cookie, lines, .. } = &mut self.mode
            && *cookie == explained
        {
            *lines = text;
        }
    }

    /// The socket in the marked line, or the worst of the marked group.
    #[must_use]
    pub fn marked_at(&self) -> Option<usize> {
        match &self.view.groups {
            Some(groups) => groups.get(self.cursor).map(|group| group.worst),
            None => self.view.sockets.get(self.cursor).copied(),
        }
    }

    pub(super) fn judged(&self, at: usize) -> Option<JudgedRef<'_>> {
        self.snapshot.as_deref()?.judged(at)
    }

    /// Mark, to find it again; `None` on the first line, which stays the first.
    fn marked(&self) -> Option<Marked> {
        if self.cursor == 0 {
            return None;
        }
        if let Some(groups) = &self.view.groups {
            let group = groups.get(self.cursor)?;
            return Some(Marked::Group(group.key.clone()));
        }
        let judged = self.judged(self.marked_at()?)?;
        judged.socket.cookie.map(Marked::Socket)
    }

    /// Selects and sorts anew, and keeps the mark on what it was on.
    pub(super) fn refresh_view(&mut self, marked: Option<Marked>) {
        let Some(snapshot) = self.snapshot.clone() else {
            return;
        };
        self.view = View::of(&snapshot, &self.choice);
        let found = match (&marked, &self.view.groups) {
            (Some(Marked::Group(key)), Some(groups)) => {
                groups.iter().position(|group| group.key == *key)
            }
            (Some(Marked::Socket(cookie)), None) => self
                .view
                .sockets
                .iter()
                .position(|at| snapshot.cookie(*at) == Some(*cookie)),
            _ => None,
        };
        if let Some(found) = found {
            self.cursor = found;
        }
        self.keep_in_sight();
    }

    /// Keeps the marked line among those shown.
    pub(super) fn keep_in_sight(&mut self) {
        let last = self.view.len().saturating_sub(1);
        self.cursor = self.cursor.min(last);
        let page = self.page.max(1);
        self.top = self.top.min(self.cursor);
        if self.cursor >= self.top + page {
            self.top = self.cursor + 1 - page;
        }
        self.top = self.top.min((last + 1).saturating_sub(page));
    }

    pub(super) fn pause(&mut self) {
        self.paused = !self.paused;
        if let Some(snapshot) = self.waiting.take() {
            self.show(snapshot);
        }
    }

    pub(super) fn regroup(&mut self, grouping: Option<Grouping>) {
        self.choice.grouping = grouping;
        self.choice.within = None;
        (self.cursor, self.top) = (0, 0);
        self.refresh_view(None);
    }

    pub(super) fn resort(&mut self) {
        self.choice.order = match self.choice.order {
            SortOrder::Danger => SortOrder::Quiet,
            SortOrder::Quiet => SortOrder::Idle,
            SortOrder::Idle => SortOrder::Pid,
            SortOrder::Pid => SortOrder::Remote,
            SortOrder::Remote => SortOrder::Danger,
        };
        (self.cursor, self.top) = (0, 0);
        self.refresh_view(None);
    }

    /// Takes the words of the flags; what cannot be read changes nothing and is shown.
    pub(super) fn filter(&mut self, text: &str) {
        let selection = match text.trim() {
            "" => Ok(self.flags.clone()),
            text => filter::words(text).and_then(|words| (self.read_flags)(&words)),
        };
        match selection {
            Ok(selection) => {
                self.choice.selection = selection;
                self.filter_text = text.trim().to_owned();
                (self.cursor, self.top) = (0, 0);
                self.refresh_view(None);
            }
            Err(why) => self.message = Some(why),
        }
    }
}

/// Subject of a mark.
#[derive(Debug)]
pub(super) enum Marked {
    Socket(u64),
    Group(String),
}
