//! Parts that the tests on real sockets share: sockets whose truth the test knows, namespaces of its
//! own, and both ways of scanning.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "shared by several test programs, each of which uses a part"
)]

pub mod agent;
pub mod bpftool;
pub mod dead_peer;
pub mod monitoring;
pub mod mounts;
pub mod netns;
pub mod options;
pub mod require;
pub mod role;
pub mod setting;
pub mod sockets;
pub mod ss;
pub mod trace;
pub mod uring;

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use observer::model::Socket;
use observer::model::StateSet;
use observer::model::scan::ScanRequest;
use observer::source::{ScanChoice, Source};

pub use require::{Need, guest_series, require};

/// True if the kernel has the helpers that the scan by iterators needs: all but 5.10 do.
pub fn has_iterators() -> bool {
    guest_series().as_deref() != Some("5.10")
}

/// Need of the scan by iterators. The kernel that is known to be without them must refuse it.
pub fn iterators() -> Need {
    let refused = || Source::open(ScanChoice::Bpf).err();
    Need::Kernel {
        feature: "the iterators' helpers",
        lack: (!has_iterators())
            .then(refused)
            .flatten()
            .map(|error| error.to_string()),
        unless: &["5.10"],
    }
}

/// Most by which a time may be off: scheduling of an emulated guest or a busy machine takes longer.
pub fn tolerance() -> Duration {
    let is_slow = guest_series().is_some() || is_busy();
    Duration::from_millis(if is_slow { 300 } else { 50 })
}

/// True if more wants to run than there are processors.
fn is_busy() -> bool {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut words = text.split_whitespace();
    let load = words.next().and_then(|load| load.parse::<f64>().ok());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let processors = u32::try_from(processors).map_or(1.0, f64::from);
    load.is_some_and(|load| load > processors)
}

/// Every way of scanning that must work on this kernel.
pub fn choices() -> Vec<ScanChoice> {
    if has_iterators() {
        vec![ScanChoice::Bpf, ScanChoice::Diag]
    } else {
        vec![ScanChoice::Diag]
    }
}

/// Scans once, everything.
pub fn scan(choice: ScanChoice, states: StateSet) -> Vec<Socket> {
    let mut source = Source::open(choice).unwrap_or_else(|error| panic!("{choice:?}: {error}"));
    let scan = source
        .scan(&ScanRequest { states })
        .unwrap_or_else(|error| panic!("{choice:?}: {error}"));
    scan.sockets
}

/// The socket behind a descriptor.
pub fn find(sockets: &[Socket], fd: impl AsFd) -> Socket {
    let cookie = rustix::net::sockopt::socket_cookie(fd).unwrap();
    find_cookie(sockets, cookie).unwrap_or_else(|| panic!("no socket with cookie {cookie}"))
}

/// The one socket with this cookie.
pub fn find_cookie(sockets: &[Socket], cookie: u64) -> Option<Socket> {
    let mut found = sockets.iter().filter(|s| s.cookie == Some(cookie));
    let socket = found.next()?;
    assert!(found.next().is_none(), "cookie {cookie} twice");
    Some(socket.clone())
}

/// A scan, and the span of time in which it looked at its sockets.
pub struct Timed {
    pub sockets: Vec<Socket>,
    pub began: Instant,
    pub ended: Instant,
}

impl Timed {
    /// Scans twice and keeps the second: getting ready takes its own time.
    pub fn scan(choice: ScanChoice) -> Self {
        let request = ScanRequest {
            states: StateSet::CONNECTED,
        };
        let mut source = Source::open(choice).unwrap_or_else(|error| panic!("{choice:?}: {error}"));
        source.scan(&request).unwrap();
        let began = Instant::now();
        let scan = source.scan(&request).unwrap();
        Self {
            sockets: scan.sockets,
            began,
            ended: Instant::now(),
        }
    }

    /// Asserts that the time since `event` is what the test's own clock says.
    pub fn assert_since(&self, what: &str, found_ms: Option<u64>, event: Instant) {
        let shortest = self.began.saturating_duration_since(event);
        let longest = self.ended.saturating_duration_since(event);
        assert_between(what, found_ms, shortest, longest, tolerance());
    }

    /// The same for what the kernel's own timer did, which fires up to an eighth late.
    pub fn assert_since_timer(&self, what: &str, found_ms: Option<u64>, event: Instant) {
        let shortest = self.began.saturating_duration_since(event);
        let longest = self.ended.saturating_duration_since(event);
        assert_between(what, found_ms, shortest, longest, timer_tolerance());
    }

    /// Asserts that the time until the kernel's timer fires is what the test expects.
    pub fn assert_until_timer(&self, what: &str, found_ms: Option<u64>, event: Instant) {
        let shortest = event.saturating_duration_since(self.ended);
        let longest = event.saturating_duration_since(self.began);
        assert_between(what, found_ms, shortest, longest, timer_tolerance());
    }
}

fn timer_tolerance() -> Duration {
    tolerance() + Duration::from_millis(150)
}

fn assert_between(
    what: &str,
    found_ms: Option<u64>,
    shortest: Duration,
    longest: Duration,
    tolerance: Duration,
) {
    let found = Duration::from_millis(found_ms.unwrap_or_else(|| panic!("{what} is unknown")));
    assert!(
        found + tolerance >= shortest && found <= longest + tolerance,
        "{what}: {found:?}, the test's clock says {shortest:?} to {longest:?}"
    );
}
