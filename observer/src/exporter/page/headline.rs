//! Headline of the page: what matters, in a sentence.

use crate::policy::counts::SocketCounts;
use crate::policy::{Health, Verdict};

/// Degree of danger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadlineTone {
    Good,
    Warn,
    Bad,
    Unknown,
}

impl HeadlineTone {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Unknown => "dim",
        }
    }
}

/// Sentence with what matters most, and another with the rest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Headline {
    pub(super) tone: HeadlineTone,
    pub(super) main: String,
    pub(super) more: Option<String>,
}

impl Headline {
    /// Without counts there was no scan yet.
    pub(super) fn of(counts: Option<&SocketCounts>) -> Self {
        let Some(counts) = counts else {
            return Self {
                tone: HeadlineTone::Unknown,
                main: "The first scan has not finished yet".to_owned(),
                more: None,
            };
        };
        let with = |health| count(counts, |_, found| found == Some(health));
        let stale = with(Health::Stale);
        let at_risk = with(Health::AtRisk);
        let in_trouble = with(Health::Probing) + with(Health::Retransmitting);
        let unjudged = count(counts, |verdict, health| {
            verdict.is_none() || health.is_none()
        });
        let could_be = count(counts, |verdict, health| {
            matches!(verdict, Some(Verdict::Late | Verdict::Unprotected))
                && health == Some(Health::Ok)
        });
        let mut parts = Vec::new();
        if stale > 0 {
            let their = if stale == 1 { "it is" } else { "they are" };
            let what = format!("will hang when {their} used again");
            parts.push((HeadlineTone::Bad, connections(stale, &what)));
        }
        if at_risk > 0 {
            let what = if at_risk == 1 {
                "is at risk: it will hang if it stays silent"
            } else {
                "are at risk: they will hang if they stay silent"
            };
            parts.push((HeadlineTone::Warn, connections(at_risk, what)));
        }
        if in_trouble > 0 {
            let what = if in_trouble == 1 { "gets" } else { "get" };
            let what = format!("{what} no answer from the other end");
            parts.push((HeadlineTone::Warn, connections(in_trouble, &what)));
        }
        if unjudged > 0 {
            parts.push((
                HeadlineTone::Unknown,
                connections(unjudged, "cannot be judged"),
            ));
        }
        let in_danger = stale + at_risk + in_trouble;
        if in_danger == 0 {
            let good = "No connection is in danger".to_owned();
            let tone = if unjudged > 0 {
                HeadlineTone::Unknown
            } else {
                HeadlineTone::Good
            };
            parts.insert(0, (tone, good));
        }
        if could_be > 0 {
            let would = "would be at risk once silent: no probe would come in time";
            parts.push((HeadlineTone::Unknown, connections(could_be, would)));
        }
        let mut parts = parts.into_iter();
        let (tone, main) = parts
            .next()
            .unwrap_or((HeadlineTone::Unknown, String::new()));
        let more: Vec<_> = parts.map(|(_, part)| format!("{part}.")).collect();
        Self {
            tone,
            main,
            more: (!more.is_empty()).then(|| more.join(" ")),
        }
    }
}

fn count(counts: &SocketCounts, of: impl Fn(Option<Verdict>, Option<Health>) -> bool) -> u64 {
    let mut sum = 0;
    for (verdict, by_health) in counts.sockets.iter() {
        for (health, count) in by_health.iter() {
            sum += if of(verdict, health) { *count } else { 0 };
        }
    }
    sum
}

fn connections(count: u64, what: &str) -> String {
    let noun = if count == 1 {
        "connection"
    } else {
        "connections"
    };
    format!("{count} {noun} {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headline(
        sockets: &[(Option<Verdict>, Option<Health>)],
    ) -> (HeadlineTone, String, Option<String>) {
        let mut counts = SocketCounts::default();
        for (verdict, health) in sockets {
            counts.add(*verdict, *health, None);
        }
        let Headline { tone, main, more } = Headline::of(Some(&counts));
        (tone, main, more)
    }

    const LATE: Option<Verdict> = Some(Verdict::Late);

    #[test]
    fn the_worst_comes_first() {
        let stale = (LATE, Some(Health::Stale));
        let at_risk = (LATE, Some(Health::AtRisk));
        let (tone, main, more) = headline(&[at_risk, stale, stale, (None, None)]);
        assert_eq!(tone, HeadlineTone::Bad);
        assert_eq!(main, "2 connections will hang when they are used again");
        assert_eq!(
            more.as_deref(),
            Some(
                "1 connection is at risk: it will hang if it stays silent. 1 connection cannot be judged."
            )
        );
    }

    #[test]
    fn nothing_in_danger_is_said_so() {
        let (tone, main, more) = headline(&[(Some(Verdict::Protected), Some(Health::Ok))]);
        assert_eq!((tone, more), (HeadlineTone::Good, None));
        assert_eq!(main, "No connection is in danger");
        let (tone, main, more) = headline(&[(LATE, Some(Health::Ok)), (None, Some(Health::Ok))]);
        assert_eq!(tone, HeadlineTone::Unknown, "as far as one can tell");
        assert_eq!(main, "No connection is in danger");
        assert!(more.unwrap().contains("1 connection would be"));
        assert_eq!(headline(&[]).0, HeadlineTone::Good);
        assert_eq!(Headline::of(None).tone, HeadlineTone::Unknown);
    }
}
