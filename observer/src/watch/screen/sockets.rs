//! The middle: one line a socket or a group, the most dangerous first.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::bar;
use super::cells::{Cell, chosen, health, push_cut};
use super::line::{Line, put};
use super::style::{ScreenStyle, tone};
use crate::render::Tone;
use crate::text::push;
use crate::watch::app::App;
use crate::watch::view::SocketGroup;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, style: &ScreenStyle) {
    app.page = usize::from(area.height.saturating_sub(1)).max(1);
    app.keep_in_sight();
    match &app.view.groups {
        Some(groups) => draw_groups(frame, area, app, groups, style),
        None => draw_sockets(frame, area, app, style),
    }
}

fn draw_sockets(frame: &mut Frame<'_>, area: Rect, app: &App, style: &ScreenStyle) {
    let cells = chosen(usize::from(area.width));
    let mut header = String::new();
    for (cell, width) in &cells {
        let title = if *cell == Cell::Left {
            "  LEFT"
        } else {
            cell.header()
        };
        push_cut(&mut header, title, *width, *style);
    }
    put(frame, area, area.top(), &Line::dim(&header), style);
    let shown = app.view.sockets.iter().enumerate().skip(app.top);
    for (y, (line, at)) in (area.top() + 1..area.bottom()).zip(shown) {
        let Some(judged) = app.judged(*at) else {
            continue;
        };
        let tone = tone(judged.judgement.health);
        let mut text = Line::default();
        for (cell, width) in &cells {
            let mut piece = String::new();
            push_cut(
                &mut piece,
                &cell.text(&judged, app.age_ms, *style),
                *width,
                *style,
            );
            let of_danger = matches!(cell, Cell::Health | Cell::Bar | Cell::Left);
            text.push(piece, if of_danger { tone } else { Tone::Plain });
        }
        put(frame, area, y, &text.marked(line == app.cursor), style);
    }
    if app.view.is_empty() && app.snapshot.is_some() {
        put(
            frame,
            area,
            area.top() + 1,
            &Line::dim("no socket matches"),
            style,
        );
    }
}

fn draw_groups(
    frame: &mut Frame<'_>,
    area: Rect,
    app: &App,
    groups: &[SocketGroup],
    style: &ScreenStyle,
) {
    let header = format!(
        "{:<8} {:<10} {:>6} {:>8} {:>8} {:>9} GROUP",
        "HEALTH", "QUIET", "LEFT", "SOCKETS", "DANGER", "LONGEST"
    );
    put(frame, area, area.top(), &Line::dim(&header), style);
    let shown = groups.iter().enumerate().skip(app.top);
    for (y, (line, group)) in (area.top() + 1..area.bottom()).zip(shown) {
        let Some(judged) = app.judged(group.worst) else {
            continue;
        };
        let mut quiet = Vec::new();
        match group.quiet_ms {
            Some(ms) => push::duration(&mut quiet, ms),
            None => quiet.push(b'?'),
        }
        let mut text = Line::default();
        let worst = format!(
            "{:<8} {} {:>6}",
            health(judged.judgement.health),
            bar::bar(&judged, app.age_ms, *style),
            bar::left(&judged, app.age_ms)
        );
        text.push(worst, tone(judged.judgement.health));
        text.push(
            format!(
                " {:>8} {:>8} {:>9} {}",
                group.sockets,
                group.in_danger(),
                String::from_utf8_lossy(&quiet),
                group.key
            ),
            Tone::Plain,
        );
        put(frame, area, y, &text.marked(line == app.cursor), style);
    }
}
