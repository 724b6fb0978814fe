//! The choice of scan and hooks, made in this one place.

pub mod event_queue;
mod events;
pub mod hook_monitor;
pub mod summary;

use thiserror::Error;

use crate::diag::{DiagError, DiagScanner};
use crate::kernel::hooks::TrackedSockets;
use crate::kernel::{KernelError, KernelScanner};
use crate::model::scan::{Scan, ScanRequest, UnknownField};

pub use crate::kernel::hooks::{Hook, HookStatus, HooksChoice};
pub use events::HookedEvents;
pub use hook_monitor::HookMonitor;
pub use observer_common::AttachMode;
use summary::{FullScanRules, InKernelSummary};

/// Scan that the user asked for (`--scan`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ScanChoice {
    /// The best that works here.
    #[default]
    Auto,
    /// The kernel's iterators.
    Bpf,
    /// sock_diag, /proc and getsockopt.
    Diag,
}

impl ScanChoice {
    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Bpf => "bpf",
            Self::Diag => "diag",
        }
    }
}

/// Method by which a host is scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanMethod {
    /// The kernel's iterators.
    Bpf,
    /// sock_diag, /proc and getsockopt.
    Diag,
}

impl ScanMethod {
    /// The name in JSON and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bpf => ScanChoice::Bpf.name(),
            Self::Diag => ScanChoice::Diag.name(),
        }
    }
}

/// Reason why there is no scan.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The iterators do not work here.
    #[error("the bpf scan does not work here: {0}")]
    Bpf(KernelError),
    /// sock_diag does not work here.
    #[error(transparent)]
    Diag(#[from] DiagError),
}

/// Source of sockets, by the scan method that was chosen.
#[derive(Debug)]
pub struct Source {
    scanner: Scanner,
    /// `true` if `diag` may take the place of iterators that turn out not to work.
    may_fall_back: bool,
    notices: Vec<String>,
    /// Sockets that the hooks of other observers track; the iterators read the first.
    tracked: Vec<TrackedSockets>,
    in_kernel: InKernelSummary,
    full_scans: FullScanRules,
}

#[derive(Debug)]
enum Scanner {
    Bpf(Box<KernelScanner>),
    Diag(DiagScanner),
}

impl Source {
    /// Chooses by trying, and loads what is needed.
    ///
    /// # Errors
    /// The scan that was asked for does not work here.
    pub fn open(choice: ScanChoice) -> Result<Self, SourceError> {
        let why = match choice {
            ScanChoice::Diag => None,
            ScanChoice::Auto | ScanChoice::Bpf => match KernelScanner::open() {
                Ok(scanner) => {
                    return Ok(Self {
                        scanner: Scanner::Bpf(Box::new(scanner)),
                        may_fall_back: choice == ScanChoice::Auto,
                        notices: Vec::new(),
                        tracked: Vec::new(),
                        in_kernel: InKernelSummary::default(),
                        full_scans: FullScanRules::default(),
                    });
                }
                Err(error) if choice == ScanChoice::Bpf => return Err(SourceError::Bpf(error)),
                Err(error) => Some(error),
            },
        };
        Ok(Self {
            scanner: Scanner::Diag(DiagScanner::new()),
            may_fall_back: false,
            notices: why.map(|why| lost(&why)).into_iter().collect(),
            tracked: Vec::new(),
            in_kernel: InKernelSummary::default(),
            full_scans: FullScanRules::default(),
        })
    }

    /// Adds what running observers remember to the sockets of the scans to come. Where none runs,
    /// or this user may not read them, they stay without a past.
    pub fn ask_running_observers(&mut self) {
        let tracked = TrackedSockets::of_running_observers();
        if let (Scanner::Bpf(scanner), Some(first)) = (&mut self.scanner, tracked.first())
            && let Err(error) = scanner.share_tracked(first)
        {
            tracing::debug!("the sockets that a running observer tracks: {error}");
            return;
        }
        self.tracked = tracked;
    }

    /// Scan method that was chosen. It is settled by the first scan.
    #[must_use]
    pub fn scan_method(&self) -> ScanMethod {
        match self.scanner {
            Scanner::Bpf(_) => ScanMethod::Bpf,
            Scanner::Diag(_) => ScanMethod::Diag,
        }
    }

    /// `bpf` or `diag`.
    #[must_use]
    pub fn scan_name(&self) -> &'static str {
        self.scan_method().name()
    }

    /// Name of the mode in which the hooks are attached that remember the sockets' past.
    #[must_use]
    pub fn hooks_name(&self) -> &'static str {
        let mode = self.tracked.first().and_then(TrackedSockets::mode);
        mode.map_or("none", AttachMode::name)
    }

    /// Notices for the user about the choice, each to be shown once.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Scans once.
    ///
    /// # Errors
    /// The kernel stops answering, or answers what cannot be read. Where iterators were chosen by
    /// trying and the first scan fails, `diag` takes over and a notice says so.
    pub fn scan(&mut self, request: &ScanRequest) -> Result<Scan, SourceError> {
        let mut scan = self.scan_alone(request)?;
        // The iterators have read what the first one tracks themselves.
        let others = match (&self.scanner, self.tracked.split_first()) {
            (Scanner::Bpf(_), Some((first, others))) => {
                if !first.sees_probes() {
                    let pasts = scan.sockets.iter_mut().filter_map(|it| it.past.as_mut());
                    pasts.for_each(|past| past.sent = None);
                }
                others
            }
            _ => &self.tracked,
        };
        if !others.is_empty() {
            scan.timed("notes", |scan| {
                for tracked in others {
                    tracked.join(&mut scan.sockets);
                }
            });
        }
        scan.unknown.extend(self.not_remembered());
        Ok(scan)
    }

    /// Fields that no running observer has a hook for. Where none runs at all, it is for whoever prints to
    /// say so.
    fn not_remembered(&self) -> impl Iterator<Item = UnknownField> {
        let sees = |sees: fn(&TrackedSockets) -> bool| self.tracked.iter().any(sees);
        let fields = [
            ("last_set", "setsockopt", sees(TrackedSockets::sees_options)),
            (
                "keepalive.sent",
                "keepalive timers",
                sees(TrackedSockets::sees_probes),
            ),
        ];
        let someone_runs = !self.tracked.is_empty();
        fields
            .into_iter()
            .filter(move |(_, _, is_seen)| someone_runs && !is_seen)
            .map(|(field, on, _)| UnknownField {
                field,
                why: format!("no observer that runs here has a hook on {on}"),
            })
    }

    fn scan_alone(&mut self, request: &ScanRequest) -> Result<Scan, SourceError> {
        let error = match &mut self.scanner {
            Scanner::Diag(scanner) => return Ok(scanner.scan(request)?),
            Scanner::Bpf(scanner) => match scanner.scan(request) {
                Ok(scan) => {
                    self.may_fall_back = false;
                    return Ok(scan);
                }
                Err(error) => error,
            },
        };
        if !self.may_fall_back {
            return Err(SourceError::Bpf(error));
        }
        self.notices.push(lost(&error));
        let mut scanner = DiagScanner::new();
        let scan = scanner.scan(request)?;
        self.scanner = Scanner::Diag(scanner);
        Ok(scan)
    }
}

/// Losses of the scan by sock_diag on any host.
pub const LOST_TO_DIAG: &str = "sockets that no process holds have no settings, and where a keepalive value comes from is not always known";

fn lost(why: &KernelError) -> String {
    format!(
        "scanning by sock_diag, because the bpf scan does not work here: {why}. Lost: {LOST_TO_DIAG}"
    )
}
