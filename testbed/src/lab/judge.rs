//! Comparison of what observer predicted with what happened.

use super::conntrack::Entry;

/// Prediction for one connection, by what observer reported before the outcome was known.
#[derive(Debug, Clone, Default)]
pub(super) struct Prediction<'a> {
    pub(super) verdict: Option<&'a str>,
    /// Health by `observer list`, shortly before the limit and after it.
    pub(super) before: Option<&'a str>,
    pub(super) after: Option<&'a str>,
    /// `true` where `observer watch` ever reported it stale.
    pub(super) watched_stale: bool,
    /// Time at which the path forgets it, and the duration of the scan that reported it.
    pub(super) forgets_at_s: Option<f64>,
    pub(super) scan_s: f64,
}

/// End of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    /// It waited until it was killed.
    Hung,
    /// The client reported a reset.
    Reset,
    /// The client reported another error.
    Failed,
}

impl End {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Hung => "hung",
            Self::Reset => "reset",
            Self::Failed => "failed",
        }
    }
}

/// Outcome of one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub(super) end: End,
    pub(super) ended_s: f64,
    /// `None` where the middlebox's table cannot be read.
    pub(super) entry: Option<Entry>,
}

impl Outcome {
    /// First reading of the middlebox's table without it, while the client still waited.
    pub(super) fn forgotten_s(&self) -> Option<f64> {
        // A client that ends closes, and the middlebox forgets that soon.
        self.entry?.gone_s.filter(|gone_s| *gone_s < self.ended_s)
    }
}

/// Allowed difference between the moment that observer predicted and the one at which the middlebox
/// forgot: packets take their time, acknowledgements may be delayed by 200 ms, and so may scans on a
/// busy machine.
pub(super) const TOLERANCE_S: f64 = 0.5;

/// Time by which the middlebox forgot it later than predicted.
pub(super) fn off_by_s(prediction: &Prediction<'_>, outcome: &Outcome) -> Option<f64> {
    let gone_s = outcome.forgotten_s()?;
    let between_s = f64::midpoint(outcome.entry?.last_seen_s, gone_s);
    Some(between_s - prediction.forgets_at_s?)
}

/// Judgement of a prediction; `Err` names the part of it that did not come true.
pub(super) fn judge(prediction: &Prediction<'_>, outcome: &Outcome) -> Result<(), String> {
    let Some(verdict) = prediction.verdict else {
        return Err("observer gave no verdict".to_owned());
    };
    let after = prediction
        .after
        .ok_or("observer did not list it after the limit")?;
    let lives = match verdict {
        "protected" | "exempt" if prediction.watched_stale || after == "stale" => {
            return Err(format!("observer reported {verdict}, and stale"));
        }
        "protected" | "exempt" => true,
        "late" | "unprotected" if after == "stale" && !prediction.watched_stale => {
            return Err("list reported stale, and watch never did".to_owned());
        }
        "late" | "unprotected" => !prediction.watched_stale,
        other => return Err(format!("observer's verdict is {other:?}")),
    };
    if lives {
        judge_alive(verdict, outcome)
    } else {
        judge_dead(prediction, after, outcome)
    }
}

fn judge_alive(verdict: &str, outcome: &Outcome) -> Result<(), String> {
    let reported = match verdict {
        "protected" | "exempt" => verdict.to_owned(),
        _ => format!("{verdict}, and never stale"),
    };
    if outcome.end != End::Answered {
        return Err(format!(
            "observer reported {reported}, and it {}",
            past(outcome.end)
        ));
    }
    if let Some(gone_s) = outcome.forgotten_s() {
        let before_s = outcome.ended_s - gone_s;
        return Err(format!(
            "observer reported {reported}, and the middlebox had forgotten it {before_s:.1} s before its answer"
        ));
    }
    Ok(())
}

fn judge_dead(prediction: &Prediction<'_>, after: &str, outcome: &Outcome) -> Result<(), String> {
    if outcome.end == End::Answered {
        return Err("observer reported stale, and it was answered".to_owned());
    }
    if after != "stale" {
        return Err(format!("observer listed it as {after} after the limit"));
    }
    if prediction.before == Some("stale") {
        return Err("observer listed it as stale before the limit".to_owned());
    }
    if outcome.entry.is_none() {
        return Ok(());
    }
    match off_by_s(prediction, outcome) {
        None => Err("observer reported stale, and the middlebox still remembered it".to_owned()),
        Some(off_s) if off_s.abs() > TOLERANCE_S + prediction.scan_s / 2.0 => Err(format!(
            "the middlebox forgot it {:.1} s {} than observer predicted",
            off_s.abs(),
            if off_s > 0.0 { "later" } else { "earlier" }
        )),
        Some(_) => Ok(()),
    }
}

fn past(end: End) -> &'static str {
    match end {
        End::Answered => "was answered",
        End::Hung => "hung",
        End::Reset => "was reset",
        End::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(
        verdict: &'static str,
        before: &'static str,
        after: &'static str,
    ) -> Prediction<'static> {
        Prediction {
            verdict: Some(verdict),
            before: Some(before),
            after: Some(after),
            watched_stale: after == "stale",
            forgets_at_s: Some(6.0),
            scan_s: 0.0,
        }
    }

    /// Ended at 18 s, or at 13 s when answered; the middlebox forgot it then.
    fn outcome(end: End, gone_s: Option<f64>) -> Outcome {
        let ended_s = if end == End::Answered { 13.0 } else { 18.0 };
        let last_seen_s = gone_s.map_or(ended_s, |gone_s| gone_s - 0.1);
        Outcome {
            end,
            ended_s,
            entry: Some(Entry {
                last_seen_s,
                gone_s,
            }),
        }
    }

    #[test]
    fn predictions_and_outcomes() {
        use End::{Answered, Failed, Hung, Reset};
        let protected = prediction("protected", "ok", "ok");
        let exempt = prediction("exempt", "ok", "ok");
        let dribbled = prediction("unprotected", "at-risk", "ok");
        let stale = prediction("unprotected", "at-risk", "stale");
        let late = prediction("late", "at-risk", "stale");
        // The peer probes, and list does not know it.
        let contradicted = Prediction {
            watched_stale: false,
            ..stale.clone()
        };
        let table: [(&Prediction<'_>, End, Option<f64>, &str); 22] = [
            (&protected, Answered, None, ""),
            (
                &protected,
                Hung,
                Some(6.0),
                "reported protected, and it hung",
            ),
            (&protected, Reset, Some(6.0), "and it was reset"),
            (&protected, Failed, None, "and it failed"),
            (&protected, Answered, Some(6.0), "7.0 s before its answer"),
            // Forgotten after it closed.
            (&protected, Answered, Some(13.5), ""),
            (&exempt, Answered, None, ""),
            (&exempt, Hung, None, "reported exempt, and it hung"),
            (&dribbled, Answered, None, ""),
            (&dribbled, Hung, Some(6.0), "never stale, and it hung"),
            (&contradicted, Answered, None, "watch never did"),
            (&contradicted, Hung, Some(6.0), "watch never did"),
            (&stale, Hung, Some(6.0), ""),
            (&stale, Reset, Some(6.3), ""),
            (&stale, Failed, Some(5.8), ""),
            (
                &stale,
                Answered,
                None,
                "reported stale, and it was answered",
            ),
            (&stale, Hung, None, "still remembered it"),
            (
                &stale,
                Hung,
                Some(7.15),
                "1.1 s later than observer predicted",
            ),
            (
                &stale,
                Hung,
                Some(3.95),
                "2.1 s earlier than observer predicted",
            ),
            (&late, Hung, Some(6.0), ""),
            (&late, Reset, Some(6.0), ""),
            (&late, Answered, None, "reported stale, and it was answered"),
        ];
        for (prediction, end, gone_s, why) in table {
            let judged = judge(prediction, &outcome(end, gone_s));
            match judged {
                Ok(()) => assert_eq!(why, "", "{prediction:?} {end:?} {gone_s:?}"),
                Err(error) => assert!(
                    !why.is_empty() && error.contains(why),
                    "{prediction:?} {end:?} {gone_s:?}: {error}"
                ),
            }
        }
    }

    #[test]
    fn reports_that_contradict_each_other_or_are_missing() {
        let hung = outcome(End::Hung, Some(6.0));
        let stale = prediction("unprotected", "at-risk", "stale");
        let cases = [
            (
                prediction("protected", "ok", "stale"),
                "protected, and stale",
            ),
            (
                prediction("unprotected", "stale", "stale"),
                "stale before the limit",
            ),
            (
                Prediction {
                    after: Some("at-risk"),
                    ..stale.clone()
                },
                "at-risk after the limit",
            ),
            (
                Prediction {
                    after: None,
                    ..stale.clone()
                },
                "did not list it after",
            ),
            (
                Prediction {
                    verdict: None,
                    ..stale.clone()
                },
                "no verdict",
            ),
            (prediction("doomed", "ok", "ok"), "verdict is"),
        ];
        for (prediction, why) in cases {
            let error = judge(&prediction, &hung).unwrap_err();
            assert!(error.contains(why), "{prediction:?}: {error}");
        }
    }

    #[test]
    fn without_the_middleboxs_table_the_end_decides() {
        let hung = Outcome {
            entry: None,
            ..outcome(End::Hung, None)
        };
        let stale = prediction("unprotected", "at-risk", "stale");
        assert_eq!(judge(&stale, &hung), Ok(()));
        assert_eq!(off_by_s(&stale, &hung), None);
    }

    #[test]
    fn a_slow_scan_names_no_exact_moment() {
        let late = outcome(End::Hung, Some(6.85));
        let stale = prediction("unprotected", "at-risk", "stale");
        assert!(judge(&stale, &late).is_err());
        let slow = Prediction {
            scan_s: 0.8,
            ..stale
        };
        assert_eq!(judge(&slow, &late), Ok(()));
    }

    #[test]
    fn off_by_is_the_middle_of_two_looks() {
        let prediction = prediction("unprotected", "at-risk", "stale");
        let off_s = off_by_s(&prediction, &outcome(End::Hung, Some(6.1))).unwrap();
        assert!((off_s - 0.05).abs() < 1e-9, "{off_s}");
    }
}
