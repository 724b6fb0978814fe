//! Collector: the thread that sweeps the host at each interval, and scans every socket when asked.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::command::Command;
use super::full_scans::SharedFullScan;
use super::hooks::HookChanges;
use super::schedule::{LastSweep, Schedule};
use super::seen_notices::SeenNotices;
use super::settings::SweepSettings;
use super::snapshot::{ScanInfo, build_snapshot};
use super::workload::Workload;
use crate::host::clock;
use crate::policy::snapshot::Flagged;
use crate::policy::{Health, HostSnapshot, Segments, Verdict};
use crate::source::Source;
use crate::source::summary::SummaryRequest;

/// Result of an interval.
#[derive(Debug)]
pub(super) enum SweepOutcome {
    /// A new snapshot.
    Taken(Arc<HostSnapshot>),
    /// Nothing can have changed that matters: the last snapshot holds.
    Spared,
    /// The sweep failed.
    Failed(String),
}

/// State of the thread.
pub(super) struct Collector {
    source: Source,
    settings: Arc<SweepSettings>,
    changes: Arc<HookChanges>,
    commands: Receiver<Command>,
    /// Two messages an interval at most, read by a thread that never waits long.
    outcomes: UnboundedSender<SweepOutcome>,
    segments: Segments,
    /// Last sweep: its beginning and result.
    last: Option<(Instant, Arc<HostSnapshot>)>,
    full_scan: SharedFullScan,
    notices: SeenNotices,
}

impl Collector {
    /// A collector that has not swept yet.
    pub(super) fn new(
        source: Source,
        settings: Arc<SweepSettings>,
        changes: Arc<HookChanges>,
        commands: Receiver<Command>,
        outcomes: UnboundedSender<SweepOutcome>,
    ) -> Self {
        Self {
            source,
            settings,
            changes,
            commands,
            outcomes,
            segments: Segments::default(),
            last: None,
            full_scan: SharedFullScan::default(),
            notices: SeenNotices::default(),
        }
    }

    /// Sweeps until stopped, or until nobody listens.
    pub(super) fn run(mut self) {
        let mut schedule = Schedule::new(self.settings.interval, clock::monotonic());
        let mut seen = self.changes.count();
        loop {
            let left = schedule.due().saturating_sub(clock::monotonic());
            // However many requests wait, what is due comes first.
            if left.is_zero() {
                let outcome = self.tick(&mut schedule, &mut seen);
                if self.outcomes.send(outcome).is_err() {
                    return;
                }
            }
            // However late sweeps are, what waits has its turn after each.
            if self.serve(left, &mut schedule).is_break() {
                return;
            }
        }
    }

    /// Waits that long for a command, and carries it out with those behind it; scans once for all.
    fn serve(&mut self, wait: Duration, schedule: &mut Schedule) -> ControlFlow<()> {
        let mut replies = Vec::new();
        let mut next = match self.commands.recv_timeout(wait) {
            Err(RecvTimeoutError::Disconnected) => return ControlFlow::Break(()),
            next => next.ok(),
        };
        while let Some(command) = next {
            match command {
                Command::Stop => return ControlFlow::Break(()),
                Command::Settings(settings) => {
                    self.settings = settings;
                    schedule.change(self.settings.interval, clock::monotonic());
                }
                Command::FullScan(reply) => replies.push(reply),
            }
            next = self.commands.try_recv().ok();
        }
        if !replies.is_empty() {
            let (source, settings) = (&mut self.source, &self.settings);
            let last = self.last.as_ref();
            self.full_scan.reply(replies, source, settings, last);
        }
        ControlFlow::Continue(())
    }

    /// Ends an interval. `seen` is the number of changes that hooks had reported at the last sweep.
    fn tick(&mut self, schedule: &mut Schedule, seen: &mut Option<u64>) -> SweepOutcome {
        let now = self.changes.count();
        let may_spare = now.is_some() && now == *seen;
        let began = clock::monotonic();
        if !schedule.tick(began, may_spare) {
            return SweepOutcome::Spared;
        }
        *seen = now;
        match self.sweep() {
            Ok((snapshot, last)) => {
                schedule.swept(began, last);
                SweepOutcome::Taken(snapshot)
            }
            Err(why) => SweepOutcome::Failed(why),
        }
    }

    fn sweep(&mut self) -> Result<(Arc<HostSnapshot>, LastSweep), String> {
        let settings = Arc::clone(&self.settings);
        let (began, taken_at) = (Instant::now(), jiff::Timestamp::now());
        let request = SummaryRequest {
            policy: &settings.policy,
            by_comm: settings.workload == Workload::Comm,
        };
        let summary = self.source.summarize(&request);
        let summary = summary.map_err(|error| error.to_string())?;
        for notice in self.source.notices().iter().chain(&summary.notices) {
            if self.notices.is_new(notice) {
                tracing::warn!("{notice}");
            }
        }
        let until_flagged = summary.until_flagged;
        let info = ScanInfo {
            taken_at,
            taken_ms: clock::monotonic_ns() / 1_000_000,
            took: began.elapsed(),
            scan: self.source.scan_name(),
        };
        let snapshot = build_snapshot(
            summary,
            &settings.policy,
            &mut self.segments,
            settings.workload,
            info,
        );
        let last = LastSweep {
            took: began.elapsed(),
            until_flagged,
            // Only a summary has the time until danger may begin; every limit may be none too.
            needs_followup: snapshot.flagged.iter().any(needs_followup)
                || (until_flagged.is_none() && snapshot.counts.total() > 0),
        };
        let snapshot = Arc::new(snapshot);
        self.last = Some((began, Arc::clone(&snapshot)));
        Ok((snapshot, last))
    }
}

/// True for a socket that must be followed from sweep to sweep.
fn needs_followup(flagged: &Flagged) -> bool {
    match flagged.judged.judgement.health {
        // Silence is no danger to these, whatever they retransmit.
        Some(Health::Retransmitting) => !matches!(
            flagged.judged.judgement.verdict,
            Some(Verdict::Protected | Verdict::Exempt)
        ),
        _ => true,
    }
}
