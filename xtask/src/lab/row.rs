//! One client of the lab: what observer said of it, and what became of it.

use std::{fs, path::Path};

use anyhow::Result;

use super::{
    ANSWER,
    conntrack::Memory,
    judge::{self, End, Fate, Said},
    words::{Change, Moments, Sample},
};

pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) moments: Option<Moments>,
    /// What `observer watch` said, until the client ended.
    pub(super) changes: Vec<Change>,
    pub(super) fate: Fate,
    /// Its connections to the server, as far as seen.
    pub(super) connections: usize,
    /// The last line it wrote to stderr.
    pub(super) complaint: Option<String>,
}

impl Row {
    /// Seconds from the last byte before the silence to the end.
    pub(super) fn after_s(&self) -> Option<f64> {
        Some(self.fate.ended_s - self.moments.as_ref()?.half.data_at_s())
    }

    fn said(&self) -> Said<'_> {
        let Some(moments) = &self.moments else {
            return Said::default();
        };
        Said {
            verdict: moments.half.verdict.as_deref(),
            before: moments.before.health.as_deref(),
            after: moments
                .after
                .as_ref()
                .and_then(|after| after.health.as_deref()),
            watched_stale: self.changes.iter().any(|change| change.health == "stale"),
            forgets_at_s: moments.half.forgets_at_s(),
        }
    }

    pub(super) fn judged(&self) -> Result<(), String> {
        if self.moments.is_none() {
            let told = self.complaint.as_deref().unwrap_or("it printed no error");
            return Err(format!("observer saw no silent connection of it: {told}"));
        }
        judge::judge(&self.said(), &self.fate)
    }

    pub(super) fn off_by_s(&self) -> Option<f64> {
        judge::off_by_s(&self.said(), &self.fate)
    }

    /// What explains the row.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(Moments { half, .. }) = &self.moments
            && half.verdict.as_deref() == Some("late")
            && let Some(idle_s) = half.keepalive.idle_s
        {
            notes.push(format!(
                "first probe after {idle_s} s, later than the limit"
            ));
        }
        if self.listed_stale() && !self.said().watched_stale {
            notes.push("stale to list, not to watch: the server's probes come".to_owned());
        }
        if self.connections > 1 {
            notes.push(format!("opened {} connections", self.connections));
        }
        let is_error = matches!(self.fate.end, End::Reset | End::Failed);
        if let Some(complaint) = self.complaint.as_ref().filter(|_| is_error) {
            notes.push(complaint.clone());
        }
        notes
    }

    fn listed_stale(&self) -> bool {
        self.said().after == Some("stale")
    }

    /// Health before and after the limit: as listed, but what only two scans tell by watch.
    pub(super) fn health(&self) -> (Option<&str>, Option<&str>) {
        let said = self.said();
        if self.listed_stale() && !said.watched_stale {
            return (Some("ok"), Some("ok"));
        }
        (said.before, said.after)
    }
}

/// How a client ended that was not killed, by what it printed, and its last word.
pub(super) fn ended(prints: &Path) -> (End, Option<String>) {
    let read = |extension| {
        let text = fs::read(prints.with_extension(extension)).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    };
    let complaint = last_line(&read("err"));
    (end(&read("out"), complaint.as_deref()), complaint)
}

fn end(printed: &str, complaint: Option<&str>) -> End {
    if printed.contains(ANSWER) {
        return End::Answered;
    }
    let complaint = complaint.unwrap_or_default().to_lowercase();
    if ["reset", "econnreset"]
        .iter()
        .any(|word| complaint.contains(word))
    {
        End::Reset
    } else {
        End::Failed
    }
}

fn last_line(text: &str) -> Option<String> {
    let line = text.lines().rfind(|line| !line.trim().is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(100).collect())
}

/// The samples of a process, and how many connections they are of.
pub(super) fn of_process(samples: &[Sample], pid: u32) -> (Vec<Sample>, usize) {
    let its: Vec<Sample> = samples.iter().filter(|it| it.pid == pid).cloned().collect();
    let mut cookies: Vec<u64> = its.iter().map(|sample| sample.cookie).collect();
    cookies.sort_unstable();
    cookies.dedup();
    (its, cookies.len())
}

/// Where the table can be read, a connection that was never in it is one that was never remembered.
pub(super) fn memory(table_is_read: bool, memory: Option<Memory>) -> Option<Memory> {
    let never = Memory {
        last_seen_s: 0.0,
        gone_s: Some(0.0),
    };
    table_is_read.then(|| memory.unwrap_or(never))
}
