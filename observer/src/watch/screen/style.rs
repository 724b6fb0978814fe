//! Style of the screen: colours and characters that the terminal can show.

use ratatui::style::{Color, Modifier, Style};

use crate::policy::Health;
use crate::render::Tone;

/// Colours and characters that the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenStyle {
    /// Colours; without them bold, dim and reverse remain.
    pub color: bool,
    /// Characters beyond ASCII.
    pub unicode: bool,
}

impl ScreenStyle {
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

/// Tone of a state of health.
pub(super) fn tone(health: Option<Health>) -> Tone {
    match health {
        Some(Health::Stale | Health::Retransmitting) => Tone::Bad,
        Some(Health::AtRisk | Health::Probing) => Tone::Warn,
        Some(Health::Ok) | None => Tone::Plain,
    }
}
