//! One thing looked at, and what it means.

use std::borrow::Cow;

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is there.
    Fine,
    /// It could not be found out, and nothing depends on it alone.
    Unknown,
    /// It is not there, and nothing is unknown through that.
    Note,
    /// It is not there, and something is unknown or not seen through that.
    Lost,
}

impl Outcome {
    /// The word that begins its line.
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Unknown => "?",
            Self::Note => "note",
            Self::Lost => "LOST",
        }
    }

    /// Presence, as far as that is known.
    #[must_use]
    pub const fn ok(self) -> Option<bool> {
        match self {
            Self::Fine => Some(true),
            Self::Unknown => None,
            Self::Note | Self::Lost => Some(false),
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Name for scripts: words joined by dots and hyphens.
    pub name: Cow<'static, str>,
    /// Its result.
    pub outcome: Outcome,
    /// Finding; may hold words of the kernel's.
    pub detail: String,
    /// Consequence, where it is not there.
    pub consequence: Option<String>,
    /// Remedy.
    pub remedy: Option<String>,
}

impl Check {
    pub(super) fn fine(name: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            outcome: Outcome::Fine,
            detail: detail.into(),
            consequence: None,
            remedy: None,
        }
    }

    pub(super) fn unknown(name: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Unknown,
            ..Self::fine(name, detail)
        }
    }

    /// Not there; whether something is unknown through that, [`Self::lost_if`] says.
    pub(super) fn missing(
        name: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
        consequence: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            outcome: Outcome::Note,
            consequence: Some(consequence.into()),
            remedy: Some(remedy.into()),
            ..Self::fine(name, detail)
        }
    }

    pub(super) fn lost_if(mut self, lost: bool) -> Self {
        if lost {
            self.outcome = Outcome::Lost;
        }
        self
    }
}
