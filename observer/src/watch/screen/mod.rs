//! Draws the screen from what the app holds. Every size of terminal gets something.

mod bar;
mod bottom;
mod cells;
mod head;
mod line;
mod sockets;
mod style;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use super::app::{App, Mode, TextLine};
use super::help::HELP;
use line::{Line, put};

pub use style::ScreenStyle;

/// Lines of events below the sockets, where there is room.
const EVENT_LINES: u16 = 6;
/// A terminal with fewer lines has none.
const ROOM_FOR_EVENTS: u16 = 18;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, app: &mut App, style: &ScreenStyle) {
    let area = frame.area();
    app.width = usize::from(area.width);
    let head_lines = if area.height >= 10 { 3 } else { 1 };
    let event_lines = if app.has_events && app.mode_has_list() && area.height >= ROOM_FOR_EVENTS {
        EVENT_LINES
    } else {
        0
    };
    let [head, body, events, bottom] = Layout::vertical([
        Constraint::Length(head_lines),
        Constraint::Min(0),
        Constraint::Length(event_lines),
        Constraint::Length(1),
    ])
    .areas(area);
    head::draw(frame, head, app, style);
    match &app.mode {
        Mode::List | Mode::Prompt(..) => sockets::draw(frame, body, app, style),
        Mode::Events(_) => all_events(frame, body, app, style),
        Mode::Detail { .. } | Mode::Help(_) => pages(frame, body, app, style),
    }
    if event_lines > 0 {
        last_events(frame, events, app, style);
    }
    bottom::draw(frame, bottom, app, style);
}

/// A page of text that can be scrolled.
fn pages(frame: &mut Frame<'_>, area: Rect, app: &mut App, style: &ScreenStyle) {
    app.page = usize::from(area.height);
    let show = |frame: &mut Frame<'_>, lines: &mut dyn Iterator<Item = Line>| {
        for (y, line) in (area.top()..area.bottom()).zip(lines) {
            put(frame, area, y, &line, style);
        }
    };
    match &app.mode {
        Mode::Help(top) => show(
            frame,
            &mut HELP.iter().skip(*top).map(|text| Line::plain(text)),
        ),
        Mode::Detail { lines, top, .. } if lines.is_empty() => {
            show(
                frame,
                &mut [Line::dim("looking ...")].into_iter().skip(*top),
            );
        }
        Mode::Detail { lines, top, .. } => {
            show(frame, &mut lines.iter().skip(*top).map(of_text));
        }
        _ => {}
    }
}

/// The last events, the newest below.
fn last_events(frame: &mut Frame<'_>, area: Rect, app: &App, style: &ScreenStyle) {
    let title = format!("{} events ", style.rule(2));
    let rest = usize::from(area.width).saturating_sub(title.chars().count());
    let title = format!("{title}{}", style.rule(rest));
    put(frame, area, area.top(), &Line::dim(&title), style);
    let lines = usize::from(area.height.saturating_sub(1));
    let shown = app.events.iter().rev().take(lines).rev();
    for (y, event) in (area.top() + 1..area.bottom()).zip(shown) {
        put(frame, area, y, &of_text(event), style);
    }
}

fn all_events(frame: &mut Frame<'_>, area: Rect, app: &mut App, style: &ScreenStyle) {
    app.page = usize::from(area.height);
    let Mode::Events(back) = app.mode else {
        return;
    };
    let end = app.events.len().saturating_sub(back);
    let begin = end.saturating_sub(app.page);
    let shown = app.events.range(begin..end);
    for (y, event) in (area.top()..area.bottom()).zip(shown) {
        put(frame, area, y, &of_text(event), style);
    }
}

fn of_text(line: &TextLine) -> Line {
    Line::toned(&line.text, line.tone)
}

impl App {
    fn mode_has_list(&self) -> bool {
        matches!(self.mode, Mode::List | Mode::Prompt(..))
    }
}
