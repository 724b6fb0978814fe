//! Whether what observer said came true.

use super::conntrack::Memory;

/// What observer said of a connection before it was known what becomes of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Said<'a> {
    pub(super) verdict: Option<&'a str>,
    /// Health by `observer list`, shortly before the limit and after it.
    pub(super) before: Option<&'a str>,
    pub(super) after: Option<&'a str>,
    /// Whether `observer watch`, which also sees probes of the peer, ever called it stale.
    pub(super) watched_stale: bool,
    /// When the path forgets it, and how long the scan took that said so.
    pub(super) forgets_at_s: Option<f64>,
    pub(super) scan_s: f64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    /// It waited until it was killed.
    Hung,
    /// The client told of a reset.
    Reset,
    /// The client told of something else.
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

/// What became of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fate {
    pub(super) end: End,
    pub(super) ended_s: f64,
    /// `None` where the middlebox's table cannot be read.
    pub(super) memory: Option<Memory>,
}

impl Fate {
    /// The first look at which the middlebox had forgotten it while the client still waited.
    pub(super) fn forgotten_s(&self) -> Option<f64> {
        // A client that ends closes, and the middlebox forgets that soon.
        self.memory?.gone_s.filter(|gone_s| *gone_s < self.ended_s)
    }
}

/// How far the middlebox's forgetting may be from the moment that observer named: packets take
/// their time, acknowledgements may be delayed by 200 ms, and so may looks on a busy machine.
pub(super) const TOLERANCE_S: f64 = 0.5;

/// How much later than said the middlebox forgot it.
pub(super) fn off_by_s(said: &Said<'_>, fate: &Fate) -> Option<f64> {
    let gone_s = fate.forgotten_s()?;
    let between_s = f64::midpoint(fate.memory?.last_seen_s, gone_s);
    Some(between_s - said.forgets_at_s?)
}

/// `Err` says which word did not come true.
pub(super) fn judge(said: &Said<'_>, fate: &Fate) -> Result<(), String> {
    let Some(verdict) = said.verdict else {
        return Err("observer gave no verdict".to_owned());
    };
    let after = said
        .after
        .ok_or("observer did not list it after the limit")?;
    let lives = match verdict {
        "protected" | "exempt" if said.watched_stale || after == "stale" => {
            return Err(format!("observer said {verdict}, and stale"));
        }
        "protected" | "exempt" => true,
        // One scan cannot see that the peer probes; watch can.
        "late" | "unprotected" => !said.watched_stale,
        other => return Err(format!("observer's verdict is {other:?}")),
    };
    if lives {
        judge_alive(verdict, fate)
    } else {
        judge_dead(said, after, fate)
    }
}

fn judge_alive(verdict: &str, fate: &Fate) -> Result<(), String> {
    let word = match verdict {
        "protected" | "exempt" => verdict.to_owned(),
        _ => format!("{verdict}, and never stale"),
    };
    if fate.end != End::Answered {
        return Err(format!("observer said {word}, and it {}", past(fate.end)));
    }
    if let Some(gone_s) = fate.forgotten_s() {
        let before_s = fate.ended_s - gone_s;
        return Err(format!(
            "observer said {word}, and the middlebox had forgotten it {before_s:.1} s before its answer"
        ));
    }
    Ok(())
}

fn judge_dead(said: &Said<'_>, after: &str, fate: &Fate) -> Result<(), String> {
    if fate.end == End::Answered {
        return Err("observer said stale, and it was answered".to_owned());
    }
    if after != "stale" {
        return Err(format!("observer listed it as {after} after the limit"));
    }
    if said.before == Some("stale") {
        return Err("observer listed it as stale before the limit".to_owned());
    }
    if fate.memory.is_none() {
        return Ok(());
    }
    match off_by_s(said, fate) {
        None => Err("observer said stale, and the middlebox still remembered it".to_owned()),
        Some(off_s) if off_s.abs() > TOLERANCE_S + said.scan_s / 2.0 => Err(format!(
            "the middlebox forgot it {:.1} s {} than observer said",
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

    fn said(verdict: &'static str, before: &'static str, after: &'static str) -> Said<'static> {
        Said {
            verdict: Some(verdict),
            before: Some(before),
            after: Some(after),
            watched_stale: after == "stale",
            forgets_at_s: Some(6.0),
            scan_s: 0.0,
        }
    }

    /// Ended at 18 s, or at 13 s when answered; the middlebox forgot it then.
    fn fate(end: End, gone_s: Option<f64>) -> Fate {
        let ended_s = if end == End::Answered { 13.0 } else { 18.0 };
        let last_seen_s = gone_s.map_or(ended_s, |gone_s| gone_s - 0.1);
        Fate {
            end,
            ended_s,
            memory: Some(Memory {
                last_seen_s,
                gone_s,
            }),
        }
    }

    #[test]
    fn words_and_fates() {
        use End::{Answered, Failed, Hung, Reset};
        let protected = said("protected", "ok", "ok");
        let exempt = said("exempt", "ok", "ok");
        let dribbled = said("unprotected", "at-risk", "ok");
        let stale = said("unprotected", "at-risk", "stale");
        let late = said("late", "at-risk", "stale");
        // The peer probes: list cannot know, watch does.
        let kept = Said {
            watched_stale: false,
            ..stale.clone()
        };
        let table: [(&Said<'_>, End, Option<f64>, &str); 22] = [
            (&protected, Answered, None, ""),
            (&protected, Hung, Some(6.0), "said protected, and it hung"),
            (&protected, Reset, Some(6.0), "and it was reset"),
            (&protected, Failed, None, "and it failed"),
            (&protected, Answered, Some(6.0), "7.0 s before its answer"),
            // Forgotten after it closed.
            (&protected, Answered, Some(13.5), ""),
            (&exempt, Answered, None, ""),
            (&exempt, Hung, None, "said exempt, and it hung"),
            (&dribbled, Answered, None, ""),
            (&dribbled, Hung, Some(6.0), "never stale, and it hung"),
            (&kept, Answered, None, ""),
            (&kept, Hung, Some(6.0), "never stale, and it hung"),
            (&stale, Hung, Some(6.0), ""),
            (&stale, Reset, Some(6.3), ""),
            (&stale, Failed, Some(5.8), ""),
            (&stale, Answered, None, "said stale, and it was answered"),
            (&stale, Hung, None, "still remembered it"),
            (&stale, Hung, Some(7.15), "1.1 s later than observer said"),
            (&stale, Hung, Some(3.95), "2.1 s earlier than observer said"),
            (&late, Hung, Some(6.0), ""),
            (&late, Reset, Some(6.0), ""),
            (&late, Answered, None, "said stale, and it was answered"),
        ];
        for (said, end, gone_s, why) in table {
            let judged = judge(said, &fate(end, gone_s));
            match judged {
                Ok(()) => assert_eq!(why, "", "{said:?} {end:?} {gone_s:?}"),
                Err(error) => assert!(
                    !why.is_empty() && error.contains(why),
                    "{said:?} {end:?} {gone_s:?}: {error}"
                ),
            }
        }
    }

    #[test]
    fn words_that_contradict_each_other_or_are_missing() {
        let hung = fate(End::Hung, Some(6.0));
        let stale = said("unprotected", "at-risk", "stale");
        let cases = [
            (said("protected", "ok", "stale"), "protected, and stale"),
            (
                said("unprotected", "stale", "stale"),
                "stale before the limit",
            ),
            (
                Said {
                    after: Some("at-risk"),
                    ..stale.clone()
                },
                "at-risk after the limit",
            ),
            (
                Said {
                    after: None,
                    ..stale.clone()
                },
                "did not list it after",
            ),
            (
                Said {
                    verdict: None,
                    ..stale.clone()
                },
                "no verdict",
            ),
            (said("doomed", "ok", "ok"), "verdict is"),
        ];
        for (said, why) in cases {
            let error = judge(&said, &hung).unwrap_err();
            assert!(error.contains(why), "{said:?}: {error}");
        }
    }

    #[test]
    fn without_the_middleboxs_table_the_end_decides() {
        let hung = Fate {
            memory: None,
            ..fate(End::Hung, None)
        };
        let stale = said("unprotected", "at-risk", "stale");
        assert_eq!(judge(&stale, &hung), Ok(()));
        assert_eq!(off_by_s(&stale, &hung), None);
    }

    #[test]
    fn a_slow_scan_names_no_exact_moment() {
        let late = fate(End::Hung, Some(6.85));
        let stale = said("unprotected", "at-risk", "stale");
        assert!(judge(&stale, &late).is_err());
        let slow = Said {
            scan_s: 0.8,
            ..stale
        };
        assert_eq!(judge(&slow, &late), Ok(()));
    }

    #[test]
    fn off_by_is_the_middle_of_two_looks() {
        let said = said("unprotected", "at-risk", "stale");
        let off_s = off_by_s(&said, &fate(End::Hung, Some(6.1))).unwrap();
        assert!((off_s - 0.05).abs() < 1e-9, "{off_s}");
    }
}
