//! One line of the screen, in pieces of one tone each.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::style::ScreenStyle;
use crate::render::Tone;

/// A line that is put together from left to right.
#[derive(Debug, Default)]
pub(super) struct Line {
    pieces: Vec<(String, Tone)>,
    is_marked: bool,
}

impl Line {
    pub(super) fn plain(text: &str) -> Self {
        Self::toned(text, Tone::Plain)
    }

    pub(super) fn dim(text: &str) -> Self {
        Self::toned(text, Tone::Dim)
    }

    pub(super) fn toned(text: &str, tone: Tone) -> Self {
        let mut line = Self::default();
        line.push(text, tone);
        line
    }

    pub(super) fn push(&mut self, text: impl Into<String>, tone: Tone) {
        self.pieces.push((text.into(), tone));
    }

    /// The line that the keys act on.
    pub(super) fn marked(mut self, is_marked: bool) -> Self {
        self.is_marked = is_marked;
        self
    }
}

/// Puts a line at the height `y` of `area`, cut at its right edge.
pub(super) fn put(frame: &mut Frame<'_>, area: Rect, y: u16, line: &Line, style: &ScreenStyle) {
    if y < area.top() || y >= area.bottom() || area.is_empty() {
        return;
    }
    let buffer = frame.buffer_mut();
    let mark = |style: Style| {
        if line.is_marked {
            style.add_modifier(Modifier::REVERSED)
        } else {
            style
        }
    };
    if line.is_marked {
        buffer.set_style(
            Rect {
                y,
                height: 1,
                ..area
            },
            mark(Style::new()),
        );
    }
    let mut x = area.left();
    for (text, tone) in &line.pieces {
        let room = usize::from(area.right().saturating_sub(x));
        if room == 0 {
            break;
        }
        (x, _) = buffer.set_stringn(x, y, text, room, mark(style.tone(*tone)));
    }
}
