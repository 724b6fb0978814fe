//! The thread that looks at the host: a summary at each interval, and a full scan when asked.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::sync::mpsc::UnboundedSender;

use super::desk::Answer;
use super::hooks::Changes;
use super::paint::{Frame, paint};
use super::said::Said;
use super::schedule::{Last, Schedule};
use super::settings::Settings;
use super::workload::Workload;
use crate::exporter::FullScan;
use crate::host::clock;
use crate::model::scan::ScanRequest;
use crate::model::socket::StateSet;
use crate::policy::snapshot::Flagged;
use crate::policy::{Health, HostSnapshot, Segments, Verdict};
use crate::source::Source;
use crate::source::summary::SummaryRequest;

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Scan everything.
    FullScan(Answer),
    /// Go by these settings from now on.
    Settings(Arc<Settings>),
    /// End.
    Stop,
}

/// What the thread tells.
#[derive(Debug)]
pub(super) enum Look {
    /// A new snapshot.
    Taken(Arc<HostSnapshot>),
    /// Nothing can have changed that matters: the last snapshot holds.
    Spared,
    /// It could not look.
    Failed(String),
}

/// A full scan is shared with those who ask within this time of its beginning.
const FRESH: Duration = Duration::from_secs(1);

pub(super) struct Looks {
    pub(super) source: Source,
    pub(super) settings: Arc<Settings>,
    /// What hooks tell of.
    pub(super) changes: Arc<Changes>,
    pub(super) orders: Receiver<Order>,
    /// Two messages an interval at most, read by a thread that never waits long.
    pub(super) to: UnboundedSender<Look>,
    pub(super) segments: Segments,
    pub(super) last: Option<(Instant, Arc<HostSnapshot>)>,
    pub(super) full: Option<(Instant, Weak<FullScan>)>,
    pub(super) said: Said,
}

impl Looks {
    /// Looks until told to stop, or until nobody listens.
    pub(super) fn run(mut self) {
        let mut schedule = Schedule::new(self.settings.interval, clock::monotonic());
        let mut seen = self.changes.count();
        loop {
            let left = schedule.due().saturating_sub(clock::monotonic());
            // However many questions wait, what is due comes first.
            if left.is_zero() {
                let look = self.tick(&mut schedule, &mut seen);
                if self.to.send(look).is_err() {
                    return;
                }
            }
            // However late looks are, what waits has its turn after each.
            if self.serve(left, &mut schedule).is_break() {
                return;
            }
        }
    }

    /// Waits for an order that long, and does what it and those behind it say; scans once for all.
    fn serve(&mut self, wait: Duration, schedule: &mut Schedule) -> ControlFlow<()> {
        let mut asking = Vec::new();
        let mut next = match self.orders.recv_timeout(wait) {
            Err(RecvTimeoutError::Disconnected) => return ControlFlow::Break(()),
            next => next.ok(),
        };
        while let Some(order) = next {
            match order {
                Order::Stop => return ControlFlow::Break(()),
                Order::Settings(settings) => {
                    self.settings = settings;
                    schedule.change(self.settings.interval, clock::monotonic());
                }
                Order::FullScan(answer) => asking.push(answer),
            }
            next = self.orders.try_recv().ok();
        }
        if !asking.is_empty() {
            self.scan_everything(asking);
        }
        ControlFlow::Continue(())
    }

    /// An interval has ended. `seen` is what hooks had told of at the last look.
    fn tick(&mut self, schedule: &mut Schedule, seen: &mut Option<u64>) -> Look {
        let now = self.changes.count();
        let may_spare = now.is_some() && now == *seen;
        let began = clock::monotonic();
        if !schedule.tick(began, may_spare) {
            return Look::Spared;
        }
        *seen = now;
        let (look, last) = self.look();
        if let Some(last) = last {
            schedule.looked(began, last);
        }
        look
    }

    fn look(&mut self) -> (Look, Option<Last>) {
        let settings = Arc::clone(&self.settings);
        let (began, taken_at) = (Instant::now(), jiff::Timestamp::now());
        let request = SummaryRequest {
            policy: &settings.policy,
            by_comm: settings.workload == Workload::Comm,
        };
        let summary = match self.source.summarize(&request) {
            Ok(summary) => summary,
            Err(error) => return (Look::Failed(error.to_string()), None),
        };
        for notice in self.source.notices().iter().chain(&summary.notices) {
            if self.said.is_new(notice) {
                tracing::warn!("{notice}");
            }
        }
        let until_flagged = summary.until_flagged;
        let frame = Frame {
            taken_at,
            taken_ms: clock::monotonic_ns() / 1_000_000,
            took: began.elapsed(),
            scan: self.source.scan_name(),
        };
        let snapshot = paint(
            summary,
            &settings.policy,
            &mut self.segments,
            settings.workload,
            frame,
        );
        let last = Last {
            took: began.elapsed(),
            soonest: until_flagged,
            // Only a summary tells when danger may begin; every limit may be none too.
            is_restless: snapshot.flagged.iter().any(is_restless)
                || (until_flagged.is_none() && snapshot.counts.total() > 0),
        };
        let snapshot = Arc::new(snapshot);
        self.last = Some((began, Arc::clone(&snapshot)));
        (Look::Taken(snapshot), Some(last))
    }

    /// Answers everybody who waits.
    fn scan_everything(&mut self, asking: Vec<Answer>) {
        let shared = self.full.as_ref().and_then(|(began, scan)| {
            let is_fresh = began.elapsed() < FRESH;
            is_fresh.then(|| scan.upgrade()).flatten()
        });
        let result = match shared {
            Some(scan) => Ok(scan),
            None => self.full_scan(),
        };
        for answer in asking {
            // Whoever asked may be gone.
            drop(answer.send(result.clone()));
        }
    }

    fn full_scan(&mut self) -> Result<Arc<FullScan>, String> {
        let (began, taken_at) = (Instant::now(), jiff::Timestamp::now());
        let states = StateSet::ALL;
        let scan = self
            .source
            .scan(&ScanRequest { states })
            .map_err(|error| error.to_string())?;
        let mut sockets = scan.sockets;
        // What only several looks could tell.
        let known = self.last.iter().flat_map(|(taken, snapshot)| {
            let age_ms = began.saturating_duration_since(*taken).as_millis();
            let age_ms = u64::try_from(age_ms).unwrap_or_default();
            let idles = snapshot
                .flagged
                .iter()
                .map(|flagged| &flagged.judged.socket);
            idles.filter_map(move |socket| {
                let segment_ms = socket.idle.segment_ms? + age_ms;
                Some((socket.cookie?, (segment_ms, socket.idle.peer_keeps_alive)))
            })
        });
        let known: FxHashMap<u64, (u64, bool)> = known.collect();
        for socket in &mut sockets {
            let of_socket = socket.cookie.and_then(|cookie| known.get(&cookie));
            if let Some((segment_ms, peer_keeps_alive)) = of_socket {
                socket.idle.segment_ms = Some(*segment_ms);
                socket.idle.peer_keeps_alive = *peer_keeps_alive;
            }
        }
        let scan = Arc::new(FullScan {
            taken_at,
            took: began.elapsed(),
            sockets,
            policy: Arc::clone(&self.settings.policy),
            unknown: scan.unknown,
        });
        self.full = Some((began, Arc::downgrade(&scan)));
        Ok(scan)
    }
}

/// Whether what becomes of the socket must be followed from look to look.
fn is_restless(flagged: &Flagged) -> bool {
    match flagged.judged.judgement.health {
        // Whose silence is no danger to them may be retransmitting for all we care.
        Some(Health::Retransmitting) => !matches!(
            flagged.judged.judgement.verdict,
            Some(Verdict::Protected | Verdict::Exempt)
        ),
        _ => true,
    }
}
