//! Colours and characters that a terminal can show.

use ratatui::style::{Color, Modifier, Style};

use crate::policy::Health;
use crate::render::Tone;

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colours; without them bold, dim and reverse remain.
    pub color: bool,
    /// Characters beyond ASCII.
    pub unicode: bool,
}

impl Look {
    /// A horizontal rule.
    pub(super) fn rule(self, chars: usize) -> String {
        (if self.unicode { "─" } else { "-" }).repeat(chars)
    }

    pub(super) fn tone(self, tone: Tone) -> Style {
        let plain = Style::new();
        let colored = |color| if self.color { plain.fg(color) } else { plain };
        match tone {
            Tone::Plain => plain,
            Tone::Dim => plain.add_modifier(Modifier::DIM),
            Tone::Warn => colored(Color::Yellow),
            Tone::Bad => colored(Color::Red).add_modifier(Modifier::BOLD),
        }
    }
}

/// How much a state of health calls for attention.
pub(super) fn tone(health: Option<Health>) -> Tone {
    match health {
        Some(Health::Stale | Health::Retransmitting) => Tone::Bad,
        Some(Health::AtRisk | Health::Probing) => Tone::Warn,
        Some(Health::Ok) | None => Tone::Plain,
    }
}
