//! `[scan]`: interval of sweeps, and the share of a limit that is a risk.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::read::span;
use crate::policy::DEFAULT_AT_RISK;
use crate::policy::span::Span;

/// `[scan]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanSection {
    /// Time from one scan to the next.
    #[serde(deserialize_with = "interval")]
    pub interval: Span,
    /// Share of the path limit from which silence is a risk.
    #[serde(deserialize_with = "share")]
    pub at_risk: f64,
}

impl Default for ScanSection {
    fn default() -> Self {
        Self {
            interval: Span { ms: 10_000 },
            at_risk: DEFAULT_AT_RISK,
        }
    }
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let span = span(deserializer)?;
    if span.ms == 0 {
        return Err(D::Error::custom("the interval must be longer than 0"));
    }
    Ok(span)
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let share = f64::deserialize(deserializer)?;
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err(D::Error::custom(
            "at_risk is a share of the path limit: above 0.0, at most 1.0",
        ))
    }
}
