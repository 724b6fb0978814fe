//! State that is served: the last snapshot of the host, the metrics, and the source of full scans.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::cached_body::{CachedBody, CompressibleBody};
use super::full_scan::FullScans;
use super::host_info::HostInfo;
use super::metrics::Metrics;
use super::negotiate::Format;
use super::page::{self, PageState};
use crate::policy::{HostSnapshot, Selection};

/// Reads query parameters that select sockets: names and values, decoded. The error says what to
/// do, in one line.
pub type ReadQuery = fn(&[(String, String)]) -> Result<Selection, String>;

/// Settings of the exporter.
#[derive(Debug, Clone)]
pub struct ExporterSettings {
    /// Number of workloads that get a label of their own.
    pub workload_limit: usize,
    /// Age of a scan from which the agent is not ready: it shows what no longer is.
    pub stale_after: Duration,
    /// Age up to which metrics and page are served again.
    pub body_max_age: Duration,
    /// Time at which the agent began, with a configuration that it could read.
    pub started_at: jiff::Timestamp,
    /// Source of full scans.
    pub full_scans: Arc<dyn FullScans>,
    /// Reads the parameters of `/api/v1/sockets`.
    pub read_query: ReadQuery,
}

/// Number of documents of every socket that are made at once: each holds a scan's sockets, which may be tens
/// of megabytes, until its reader has it.
const FULL_SCANS_AT_ONCE: usize = 2;

/// State that is served: the agent updates it, the server reads it.
pub struct Exporter {
    pub(super) host: HostInfo,
    pub(super) settings: ExporterSettings,
    pub(super) full_scan_slots: Arc<Semaphore>,
    metrics: Metrics,
    latest: Mutex<Option<Latest>>,
    openmetrics: CachedBody,
    text: CachedBody,
    page: CachedBody,
}

/// Snapshot, and the time at which it came.
#[derive(Debug, Clone)]
struct Latest {
    snapshot: Arc<HostSnapshot>,
    came_at: Instant,
}

/// Readiness: true where what is shown holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    Ready,
    NoScanYet,
    Old(Duration),
}

impl Exporter {
    /// Nothing is shown yet but what never changes.
    #[must_use]
    pub fn new(host: HostInfo, settings: ExporterSettings) -> Self {
        let fresh = || CachedBody::new(settings.body_max_age);
        Self {
            metrics: Metrics::new(&host, settings.workload_limit, settings.started_at),
            full_scan_slots: Arc::new(Semaphore::new(FULL_SCANS_AT_ONCE)),
            latest: Mutex::new(None),
            openmetrics: fresh(),
            text: fresh(),
            page: fresh(),
            host,
            settings,
        }
    }

    /// The metrics, to show more by them than snapshots.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Shows what a scan found: in the metrics and on the page.
    pub fn show_snapshot(&self, snapshot: Arc<HostSnapshot>) {
        self.metrics.show_snapshot(&snapshot);
        let latest = Latest {
            snapshot,
            came_at: Instant::now(),
        };
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(latest);
    }

    fn latest(&self) -> Option<Latest> {
        let latest = self.latest.lock();
        latest.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn readiness(&self) -> Readiness {
        match self.latest().map(|latest| latest.came_at.elapsed()) {
            None => Readiness::NoScanYet,
            Some(age) if age > self.settings.stale_after => Readiness::Old(age),
            Some(_) => Readiness::Ready,
        }
    }

    pub(super) fn metrics_body(&self, format: Format) -> Arc<CompressibleBody> {
        match format {
            Format::OpenMetrics => self.openmetrics.get(|| self.metrics.openmetrics()),
            Format::Text => self.text.get(|| self.metrics.text()),
        }
    }

    pub(super) fn page_body(&self) -> Arc<CompressibleBody> {
        self.page.get(|| {
            let latest = self.latest();
            page::render(&PageState {
                host: &self.host,
                latest: latest
                    .as_ref()
                    .map(|latest| (&*latest.snapshot, latest.came_at.elapsed())),
                stale_after: self.settings.stale_after,
            })
        })
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}
