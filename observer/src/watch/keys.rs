//! Keys and what they do, as in htop and less.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::app::{App, KeyAction, Mode, Prompt};
use super::help::HELP;
use super::view::Grouping;
use crate::render::column::Column;

/// Characters of a typed line at most.
const LONGEST_PROMPT: usize = 200;

impl App {
    /// Does what a key asks for.
    pub fn key(&mut self, key: KeyEvent) -> KeyAction {
        if key.kind == KeyEventKind::Release {
            return KeyAction::Draw;
        }
        self.message = None;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return KeyAction::Quit,
            KeyCode::Char('z') if control => return KeyAction::Suspend,
            KeyCode::Char(_) if control => return KeyAction::Draw,
            _ => {}
        }
        match std::mem::replace(&mut self.mode, Mode::List) {
            Mode::Prompt(prompt, text) => self.typed(prompt, text, key.code),
            Mode::List => return self.key_in_list(key.code),
            Mode::Events(back) => {
                let most = self.events.len().saturating_sub(self.page);
                if let Some(back) = scrolled(key.code, back, most, self.page, true) {
                    self.mode = Mode::Events(back);
                } else if key.code == KeyCode::Char(' ') {
                    self.mode = Mode::Events(back);
                    self.pause();
                } else if key.code == KeyCode::Char('q') {
                    return KeyAction::Quit;
                } else if !ends_a_page(key.code) && key.code != KeyCode::Char('e') {
                    self.mode = Mode::Events(back);
                }
            }
            Mode::Detail { cookie, lines, top } => {
                let most = lines.len().saturating_sub(self.page);
                let next = scrolled(key.code, top, most, self.page, false);
                if next.is_some() || !ends_a_page(key.code) {
                    let top = next.unwrap_or(top);
                    self.mode = Mode::Detail { cookie, lines, top };
                }
            }
            Mode::Help(top) => {
                let next = scrolled(
                    key.code,
                    top,
                    HELP.len().saturating_sub(self.page),
                    self.page,
                    false,
                );
                if next.is_some() || !ends_a_page(key.code) {
                    self.mode = Mode::Help(next.unwrap_or(top));
                }
            }
        }
        KeyAction::Draw
    }

    fn key_in_list(&mut self, code: KeyCode) -> KeyAction {
        let last = self.view.len().saturating_sub(1);
        if let Some(cursor) = scrolled(code, self.cursor, last, self.page, false) {
            self.cursor = cursor;
            self.keep_in_sight();
            return KeyAction::Draw;
        }
        match code {
            KeyCode::Char('q') => return KeyAction::Quit,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.mode = Mode::Help(0),
            KeyCode::Char('/') => self.mode = Mode::Prompt(Prompt::Search, String::new()),
            KeyCode::Char('f') => {
                self.mode = Mode::Prompt(Prompt::Filter, self.filter_text.clone());
            }
            KeyCode::Char('n') => self.find(1, true),
            KeyCode::Char('N') => self.find(-1, true),
            KeyCode::Char('s') => self.resort(),
            KeyCode::Char('g') => self.regroup(Grouping::next(self.choice.grouping)),
            KeyCode::Char(' ') => self.pause(),
            KeyCode::Char('e') if self.has_events => self.mode = Mode::Events(0),
            KeyCode::Char('e') => {
                self.message = Some("there are no events: no hooks are attached".to_owned());
            }
            KeyCode::Enter => return self.enter(),
            KeyCode::Esc | KeyCode::Backspace => self.back(),
            _ => {}
        }
        KeyAction::Draw
    }

    /// Opens a group, or explains a socket.
    fn enter(&mut self) -> KeyAction {
        if let (Some(groups), Some(grouping)) = (&self.view.groups, self.choice.grouping) {
            if let Some(group) = groups.get(self.cursor) {
                self.choice.within = Some((grouping, group.key.clone()));
                (self.cursor, self.top) = (0, 0);
                self.refresh_view(None);
            }
            return KeyAction::Draw;
        }
        let Some(at) = self.marked_at() else {
            return KeyAction::Draw;
        };
        let cookie = self.judged(at).and_then(|judged| judged.socket.cookie);
        self.mode = Mode::Detail {
            cookie,
            lines: Vec::new(),
            top: 0,
        };
        KeyAction::Explain(at)
    }

    /// Undoes one step: a group that was opened, then a filter.
    fn back(&mut self) {
        if self.choice.within.is_some() {
            self.regroup(self.choice.grouping);
        } else if !self.filter_text.is_empty() {
            self.filter("");
        } else {
            self.search.clear();
        }
    }

    fn typed(&mut self, prompt: Prompt, mut text: String, code: KeyCode) {
        match code {
            KeyCode::Esc => return,
            KeyCode::Enter => {
                match prompt {
                    Prompt::Filter => self.filter(&text),
                    Prompt::Search => {
                        self.search = text;
                        self.find(1, false);
                    }
                }
                return;
            }
            KeyCode::Backspace if text.is_empty() => return,
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char(c) if text.chars().count() < LONGEST_PROMPT => text.push(c),
            _ => {}
        }
        self.mode = Mode::Prompt(prompt, text);
    }

    /// Marks the next line, or the one before, that holds what is searched for.
    fn find(&mut self, step: isize, from_next: bool) {
        let lines = self.view.len();
        if self.search.is_empty() || lines == 0 {
            return;
        }
        let wanted = self.search.to_lowercase();
        let skip = usize::from(from_next);
        let found = (skip..lines + skip).find_map(|by| {
            let by = by % lines;
            let at = if step > 0 {
                self.cursor + by
            } else {
                self.cursor + lines - by
            } % lines;
            self.searched(at).contains(&wanted).then_some(at)
        });
        match found {
            Some(at) => {
                self.cursor = at;
                self.keep_in_sight();
            }
            None => self.message = Some(format!("not found: {}", self.search)),
        }
    }

    /// Text of a line that is searched: ends, owners, unit.
    fn searched(&self, line: usize) -> String {
        if let Some(groups) = &self.view.groups {
            return groups
                .get(line)
                .map_or_else(String::new, |group| group.key.to_lowercase());
        }
        let at = self.view.sockets.get(line).copied();
        let Some(judged) = at.and_then(|at| self.judged(at)) else {
            return String::new();
        };
        let mut out = Vec::new();
        for column in [Column::Local, Column::Remote, Column::Unit, Column::Owners] {
            column.push(&mut out, &judged);
            out.push(b' ');
        }
        String::from_utf8_lossy(&out).to_lowercase()
    }
}

fn ends_a_page(code: KeyCode) -> bool {
    matches!(
        code,
        KeyCode::Esc
            | KeyCode::Char('q' | '?')
            | KeyCode::Enter
            | KeyCode::Backspace
            | KeyCode::F(1)
    )
}

/// Place that keys that scroll lead to; `None` for others. Where `up` counts from the end, the other way.
fn scrolled(code: KeyCode, at: usize, last: usize, page: usize, up: bool) -> Option<usize> {
    let page = page.max(1);
    let (down_by, up_by) = match code {
        KeyCode::Down | KeyCode::Char('j') => (1, 0),
        KeyCode::Up | KeyCode::Char('k') => (0, 1),
        KeyCode::PageDown => (page, 0),
        KeyCode::PageUp => (0, page),
        KeyCode::End | KeyCode::Char('G') => (last, 0),
        KeyCode::Home => (0, last),
        _ => return None,
    };
    let (more, less) = if up {
        (up_by, down_by)
    } else {
        (down_by, up_by)
    };
    Some(at.saturating_add(more).min(last).saturating_sub(less))
}
