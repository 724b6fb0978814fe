//! What the tests on real sockets share: sockets whose truth the test knows, namespaces of its
//! own, and both ways of scanning.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "shared by several test programs, each of which uses a part"
)]

pub mod netns;
pub mod options;
pub mod sockets;
pub mod ss;

use std::os::fd::AsFd;
use std::time::Duration;

use observer::model::Socket;
use observer::model::socket::StateSet;
use observer::scan::Request;
use observer::source::{ScanChoice, Source};

/// Whether the test may do what it needs root for. Where that is promised it must; elsewhere it
/// says why it does not run.
pub fn privileged() -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    assert!(
        std::env::var_os("OBSERVER_REQUIRE_PRIVILEGED").is_none()
            && std::env::var_os("CI").is_none(),
        "this test needs root, and may not be skipped here"
    );
    eprintln!("not run: it needs root");
    false
}

/// The series of the guest's kernel, such as `5.10`; `None` outside of guests.
pub fn guest_series() -> Option<String> {
    std::env::var("OBSERVER_KERNEL_SERIES").ok()
}

/// Whether the kernel has the helpers that the scan by iterators needs: all but 5.10 do.
pub fn has_iterators() -> bool {
    guest_series().as_deref() != Some("5.10")
}

/// How far a time may be off: scheduling of an emulated guest takes longer.
pub fn tolerance() -> Duration {
    Duration::from_millis(if guest_series().is_some() { 300 } else { 50 })
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
        .scan(&Request { states })
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

/// Asserts that a time is what the test's own clock says.
pub fn assert_near(what: &str, found_ms: Option<u64>, expected: Duration) {
    assert_within(what, found_ms, expected, tolerance());
}

/// The kernel's timers fire up to an eighth late: what counts from a firing may be off by more.
pub fn assert_near_timer(what: &str, found_ms: Option<u64>, expected: Duration) {
    assert_within(
        what,
        found_ms,
        expected,
        tolerance() + Duration::from_millis(150),
    );
}

fn assert_within(what: &str, found_ms: Option<u64>, expected: Duration, tolerance: Duration) {
    let found = Duration::from_millis(found_ms.unwrap_or_else(|| panic!("{what} is unknown")));
    assert!(
        found.abs_diff(expected) <= tolerance,
        "{what}: {found:?}, the test's clock says {expected:?}"
    );
}
