//! The last line: what is typed, what was said, or what the keys do.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::line::{Line, put};
use super::style::ScreenStyle;
use crate::render::Tone;
use crate::render::order::SortOrder;
use crate::text::escape;
use crate::watch::app::{App, Mode, Prompt};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, style: &ScreenStyle) {
    if area.is_empty() {
        return;
    }
    if let Mode::Prompt(prompt, text) = &app.mode {
        let shown = match prompt {
            Prompt::Search => format!("/{text}"),
            Prompt::Filter => format!("filter: {text}"),
        };
        // The end of what is typed stays in sight.
        let skipped = shown
            .chars()
            .count()
            .saturating_sub(usize::from(area.width).saturating_sub(1));
        let shown: String = shown.chars().skip(skipped).collect();
        put(frame, area, area.top(), &Line::plain(&shown), style);
        let typed = u16::try_from(shown.chars().count()).unwrap_or(area.width);
        let x = area.left() + typed.min(area.width.saturating_sub(1));
        frame.set_cursor_position(Position::new(x, area.top()));
        return;
    }
    let line = match &app.message {
        Some(message) => Line::toned(&escape::text(message.as_bytes()), Tone::Warn),
        None => Line::dim(&keys(app)),
    };
    put(frame, area, area.top(), &line, style);
}

fn keys(app: &App) -> String {
    match &app.mode {
        Mode::Events(0) => "e back  space pause  q quit".to_owned(),
        Mode::Events(back) => format!("{back} newer below  End newest  e back  q quit"),
        Mode::Detail { .. } | Mode::Help(_) => "Esc back  arrows scroll".to_owned(),
        Mode::List | Mode::Prompt(..) => {
            let mut keys = String::from("? help  q quit  / search  f filter");
            keys += &format!("  s sort:{}", order(app.choice.order));
            let grouping = app.choice.grouping.map_or("no", |grouping| grouping.name());
            keys += &format!("  g group:{grouping}");
            if let Some((_, key)) = &app.choice.within {
                keys += &format!("  in {key}");
            }
            if !app.filter_text.is_empty() {
                keys += &format!("  [{}]", escape::text(app.filter_text.as_bytes()));
            }
            keys
        }
    }
}

fn order(order: SortOrder) -> &'static str {
    match order {
        SortOrder::Danger => "danger",
        SortOrder::Quiet => "quiet",
        SortOrder::Idle => "idle",
        SortOrder::Pid => "pid",
        SortOrder::Remote => "remote",
    }
}
