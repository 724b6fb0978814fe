//! One client of the lab: prediction and outcome.

use std::{fs, path::Path};

use anyhow::Result;

use super::{
    ANSWER,
    conntrack::Entry,
    judge::{self, End, Outcome, Prediction},
    observations::{Change, Keepalive, Moments, Sample},
};

pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) moments: Option<Moments>,
    /// Changes that `observer watch` reported, until the client ended.
    pub(super) changes: Vec<Change>,
    pub(super) outcome: Outcome,
    /// Its connections to the server, as far as seen.
    pub(super) connections: usize,
    /// The last line it wrote to stderr.
    pub(super) last_error: Option<String>,
}

impl Row {
    /// Seconds from the last byte before the silence to the end.
    pub(super) fn after_s(&self) -> Option<f64> {
        Some(self.outcome.ended_s - self.moments.as_ref()?.half.data_at_s())
    }

    fn prediction(&self) -> Prediction<'_> {
        let Some(moments) = &self.moments else {
            return Prediction::default();
        };
        Prediction {
            verdict: moments.half.verdict.as_deref(),
            before: moments.before.health.as_deref(),
            after: moments
                .after
                .as_ref()
                .and_then(|after| after.health.as_deref()),
            watched_stale: self.changes.iter().any(|change| change.health == "stale"),
            forgets_at_s: moments.half.forgets_at_s(),
            scan_s: moments.half.scan_s,
        }
    }

    pub(super) fn judged(&self) -> Result<(), String> {
        if self.moments.is_none() {
            let error = self.last_error.as_deref().unwrap_or("it printed no error");
            return Err(format!("observer saw no silent connection of it: {error}"));
        }
        judge::judge(&self.prediction(), &self.outcome)
    }

    pub(super) fn off_by_s(&self) -> Option<f64> {
        judge::off_by_s(&self.prediction(), &self.outcome)
    }

    /// Explanations of the row.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(Moments { half, .. }) = &self.moments
            && half.verdict.as_deref() == Some("late")
        {
            notes.extend(lateness(&half.keepalive, half.limit_s));
        }
        if self.connections > 1 {
            notes.push(format!("opened {} connections", self.connections));
        }
        let is_error = matches!(self.outcome.end, End::Reset | End::Failed);
        if let Some(last_error) = self.last_error.as_ref().filter(|_| is_error) {
            notes.push(last_error.clone());
        }
        notes
    }

    /// Health before and after the limit.
    pub(super) fn health(&self) -> (Option<&str>, Option<&str>) {
        let prediction = self.prediction();
        (prediction.before, prediction.after)
    }
}

/// Note on the probe that comes too late.
fn lateness(keepalive: &Keepalive, limit_s: Option<f64>) -> Option<String> {
    let (idle_s, interval_s) = (keepalive.idle_s?, keepalive.interval_s?);
    if idle_s as f64 >= limit_s? {
        return Some(format!(
            "first probe after {idle_s} s, later than the limit"
        ));
    }
    Some(format!(
        "first probe after {idle_s} s, the next {interval_s} s after it, later than the limit"
    ))
}

/// End of a client that was not killed, by what it printed, and its last line on stderr.
pub(super) fn ended(prints: &Path) -> (End, Option<String>) {
    let read = |extension| {
        let text = fs::read(prints.with_extension(extension)).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    };
    let last_error = last_line(&read("err"));
    let end = end(&read("out"), last_error.as_deref());
    (
        end,
        last_error.map(|line| line.chars().take(SHOWN).collect()),
    )
}

/// Longest error that is shown, in characters.
const SHOWN: usize = 90;

fn end(printed: &str, last_error: Option<&str>) -> End {
    if printed.contains(ANSWER) {
        return End::Answered;
    }
    let last_error = last_error.unwrap_or_default().to_lowercase();
    if ["reset", "econnreset"]
        .iter()
        .any(|word| last_error.contains(word))
    {
        End::Reset
    } else {
        End::Failed
    }
}

fn last_line(text: &str) -> Option<String> {
    let line = text.lines().rfind(|line| !line.trim().is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).collect())
}

/// The samples of a process, and how many connections they are of.
pub(super) fn of_process(samples: &[Sample], pid: u32) -> (Vec<Sample>, usize) {
    let its: Vec<Sample> = samples.iter().filter(|it| it.pid == pid).cloned().collect();
    let mut cookies: Vec<u64> = its.iter().map(|sample| sample.cookie).collect();
    cookies.sort_unstable();
    cookies.dedup();
    (its, cookies.len())
}

/// Entry of a connection; where the table can be read, one that was never in it was gone from the start.
pub(super) fn entry(table_is_read: bool, entry: Option<Entry>) -> Option<Entry> {
    let never = Entry {
        last_seen_s: 0.0,
        gone_s: Some(0.0),
    };
    table_is_read.then(|| entry.unwrap_or(never))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_what_was_printed() {
        let reset = "curl: (56) Recv failure: Connection reset by peer";
        assert_eq!(end("answered\n", Some(reset)), End::Answered);
        assert_eq!(end("  answered\n", None), End::Answered);
        assert_eq!(end("", Some(reset)), End::Reset);
        assert_eq!(end("", Some("Error: read ECONNRESET")), End::Reset);
        assert_eq!(end("", Some("Connection timed out")), End::Failed);
        assert_eq!(end("", None), End::Failed);
    }

    #[test]
    fn the_last_line_has_no_control_characters() {
        let text = "Traceback\n  \x1b[31mno\x1b[0m\n\n";
        assert_eq!(last_line(text).as_deref(), Some("  [31mno[0m"));
        assert_eq!(last_line("\n"), None);
    }

    #[test]
    fn late_says_which_probe() {
        let keepalive = |idle_s| Keepalive {
            enabled: Some(true),
            idle_s: Some(idle_s),
            interval_s: Some(75),
            probes: Some(9),
            detect_s: None,
        };
        let note = |idle_s| lateness(&keepalive(idle_s), Some(5.0)).unwrap();
        assert!(note(60).starts_with("first probe after 60 s, later"));
        assert!(note(1).contains("the next 75 s after it"));
        assert_eq!(lateness(&keepalive(60), None), None);
    }

    #[test]
    fn what_never_had_an_entry_is_gone() {
        assert_eq!(entry(false, None), None);
        assert_eq!(entry(true, None).and_then(|it| it.gone_s), Some(0.0));
    }

    #[test]
    fn connections_are_counted_by_cookie() {
        let one = crate::lab::observations::tests::silent(1.0, "ok");
        let two = Sample {
            cookie: 4712,
            ..one.clone()
        };
        let other = Sample {
            pid: 1,
            ..one.clone()
        };
        let (its, connections) = of_process(&[one.clone(), one, two, other], 812);
        assert_eq!((its.len(), connections), (3, 2));
    }
}
