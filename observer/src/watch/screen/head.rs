//! Top lines: scan method and hooks, and counts by verdict and health.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::line::{Line, put};
use super::style::{ScreenStyle, tone};
use crate::policy::{Health, Verdict};
use crate::render::Tone;
use crate::watch::app::App;
use crate::watch::snapshot::Snapshot;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, style: &ScreenStyle) {
    let lines = match &app.snapshot {
        None => vec![Line::plain("observer: the first scan runs ...")],
        Some(snapshot) => vec![
            how(app, snapshot),
            healths(snapshot),
            verdicts(app, snapshot),
        ],
    };
    for (y, line) in (area.top()..area.bottom()).zip(&lines) {
        put(frame, area, y, line, style);
    }
}

/// A scan of this age is said to be old.
const OLD_MS: u64 = 3000;

fn how(app: &App, snapshot: &Snapshot) -> Line {
    let how = &snapshot.how;
    let took_ms = how.took.as_secs_f64() * 1000.0;
    let mut line = Line::plain("observer");
    if app.paused {
        line.push("  PAUSED", Tone::Warn);
    }
    line.push(format!("  scan {} {took_ms:.1} ms", how.scan), Tone::Plain);
    // Where there are very many sockets, or the kernel is slow.
    if app.age_ms >= OLD_MS {
        line.push(format!(" {} s ago", app.age_ms / 1000), Tone::Warn);
    }
    line.push(format!("  hooks {}", how.hooks), Tone::Plain);
    if app.has_events {
        line.push(format!("  events {}", app.events_seen), Tone::Plain);
    }
    let lost = format!("  lost {}", app.events_lost);
    if app.events_lost > 0 {
        line.push(lost, Tone::Warn);
    } else if app.has_events {
        line.push(lost, Tone::Plain);
    }
    if app.tracked_rejected > 0 {
        let rejected = format!("  sockets not tracked {}", app.tracked_rejected);
        line.push(rejected, Tone::Warn);
    }
    if how.is_incomplete {
        line.push("  some values ?", Tone::Warn);
    }
    line
}

fn healths(snapshot: &Snapshot) -> Line {
    let mut line = Line::default();
    let known = Health::ALL.map(Some);
    for health in known.into_iter().chain([None]) {
        let count = snapshot.counts.health(health);
        if health.is_none() && count == 0 {
            continue;
        }
        let name = health.map_or("?", Health::name);
        let tone = if count > 0 { tone(health) } else { Tone::Dim };
        line.push(format!("{name} {count}  "), tone);
    }
    line
}

fn verdicts(app: &App, snapshot: &Snapshot) -> Line {
    let mut line = Line::default();
    let known = Verdict::ALL.map(Some);
    for verdict in known.into_iter().chain([None]) {
        let count = snapshot.counts.verdict(verdict);
        if verdict.is_none() && count == 0 {
            continue;
        }
        let name = verdict.map_or("?", Verdict::name);
        let tone = if count > 0 { Tone::Plain } else { Tone::Dim };
        line.push(format!("{name} {count}  "), tone);
    }
    let (shown, all) = (app.view.sockets.len(), snapshot.sockets.len());
    if shown < all {
        line.push(format!("shown {shown} of {all}"), Tone::Plain);
    }
    line
}
