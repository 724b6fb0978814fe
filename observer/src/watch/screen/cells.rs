//! The columns of the list: what each shows of a socket, and for which there is room.

use super::bar;
use super::style::ScreenStyle;
use crate::model::{Timer, TimerKind};
use crate::policy::{Health, JudgedRef};
use crate::render::column::Column;
use crate::text::push;

/// A column of the list, with what it takes at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Health,
    Bar,
    Left,
    Keepalive,
    Timer,
    Local,
    Remote,
    Set,
    Owner,
}

impl Cell {
    /// From left to right.
    const ALL: [Self; 9] = [
        Self::Health,
        Self::Bar,
        Self::Left,
        Self::Keepalive,
        Self::Timer,
        Self::Local,
        Self::Remote,
        Self::Set,
        Self::Owner,
    ];

    /// The first to get room.
    const BY_NEED: [Self; 9] = [
        Self::Health,
        Self::Left,
        Self::Remote,
        Self::Owner,
        Self::Bar,
        Self::Keepalive,
        Self::Timer,
        Self::Set,
        Self::Local,
    ];

    pub(super) const fn header(self) -> &'static str {
        match self {
            Self::Health => "HEALTH",
            Self::Bar => "QUIET",
            Self::Left => "LEFT",
            Self::Keepalive => "KEEPALIVE",
            Self::Timer => "TIMER",
            Self::Local => "LOCAL",
            Self::Remote => "REMOTE",
            Self::Set => "SET",
            Self::Owner => "OWNER",
        }
    }

    const fn width(self) -> usize {
        match self {
            Self::Health => 8,
            Self::Bar => bar::WIDTH,
            Self::Left => 6,
            Self::Keepalive => 11,
            Self::Timer => 15,
            Self::Local | Self::Remote => 21,
            Self::Set => 28,
            Self::Owner => 12,
        }
    }

    pub(super) fn text(self, judged: &JudgedRef<'_>, age_ms: u64, style: ScreenStyle) -> String {
        let column = match self {
            Self::Health => return health(judged.judgement.health).to_owned(),
            Self::Bar => return bar::bar(judged, age_ms, style),
            Self::Left => return format!("{:>6}", bar::left(judged, age_ms)),
            Self::Keepalive => Column::Keepalive,
            Self::Timer => return timer(judged.socket.timer),
            Self::Local => Column::Local,
            Self::Remote => Column::Remote,
            Self::Set => Column::Set,
            Self::Owner => Column::Owner,
        };
        let mut out = Vec::new();
        column.push(&mut out, judged);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Kind and time left, then how often it was in vain: `keepalive 6s x2`.
fn timer(timer: Option<Timer>) -> String {
    let Some(timer) = timer else {
        return "?".to_owned();
    };
    if timer.kind == TimerKind::Off {
        return timer.kind.name().to_owned();
    }
    let mut out = format!("{} ", timer.kind.name()).into_bytes();
    push::duration(&mut out, timer.expires_ms);
    let in_vain = timer.retransmits.max(timer.unanswered);
    if in_vain > 0 {
        push::raw(&mut out, " x");
        push::int(&mut out, in_vain);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Eight characters at most.
pub(super) const fn health(health: Option<Health>) -> &'static str {
    match health {
        Some(Health::Retransmitting) => "retrans",
        Some(health) => health.name(),
        None => "?",
    }
}

/// The columns for which there is room, and their widths. What is over goes to the last.
pub(super) fn chosen(width: usize) -> Vec<(Cell, usize)> {
    let mut left = width;
    let mut chosen = Vec::new();
    for cell in Cell::BY_NEED {
        let needs = cell.width() + usize::from(!chosen.is_empty());
        if needs > left && !chosen.is_empty() {
            break;
        }
        left = left.saturating_sub(needs);
        chosen.push(cell);
    }
    let mut cells: Vec<(Cell, usize)> = Cell::ALL
        .into_iter()
        .filter(|cell| chosen.contains(cell))
        .map(|cell| (cell, cell.width()))
        .collect();
    if let Some((_, width)) = cells.last_mut() {
        *width += left;
    }
    cells
}

/// Appends a cell of so many characters and a blank; what is cut off ends in a mark.
pub(super) fn push_cut(out: &mut String, text: &str, width: usize, style: ScreenStyle) {
    let chars = text.chars().count();
    if chars > width {
        out.extend(text.chars().take(width.saturating_sub(1)));
        out.push(if style.unicode { '…' } else { '>' });
    } else {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', width - chars));
    }
    out.push(' ');
}
