//! Log records of the kernel side: what only the hooks' programs can know arrives in `tracing`, where
//! its level lets it through.

#![expect(clippy::unwrap_used, reason = "a test")]

mod kit;

use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kit::require::{Need, require};
use kit::setting::{self, Asked, KEEPALIVE};
use kit::sockets::Pair;
use kit::trace::{Turn, modes};
use observer::kernel::hooks::{Capacity, HookStatus, Hooks, HooksChoice};
use observer::model::EventKind;
use observer::model::event::Message;
use tracing::Level;

/// Time that a record may take to arrive.
const SOON: Duration = Duration::from_secs(10);

/// Most records of a subject a second, as the kernel side has it.
const PER_SECOND: usize = 5;

/// Lines that a subscriber wrote.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Runs `work` under a subscriber of this level that writes here.
    fn of<T>(&self, level: Level, work: impl FnOnce() -> T) -> T {
        let lines = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, work)
    }

    fn with(&self, part: &str) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().filter(|line| line.contains(part));
        lines.map(str::to_owned).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Room for few sockets and few events.
const TINY: Capacity = Capacity {
    tracked: 16,
    events_bytes: 4096,
};

/// Connections with an option set, more of them than there is room for.
fn too_many() -> Vec<Pair> {
    let pairs: Vec<Pair> = (0..50).map(|_| Pair::new()).collect();
    for pair in &pairs {
        let errno = setting::set_raw(pair.client.as_raw_fd(), KEEPALIVE, Asked::Int(1));
        assert_eq!(errno, 0);
    }
    pairs
}

/// Reads until a line with `part` is there; returns the number of events that were lost.
fn wait_for(hooks: &mut Hooks, lines: &Lines, part: &str) -> u64 {
    let deadline = Instant::now() + SOON;
    let mut lost = 0;
    loop {
        let read = hooks.wait(Duration::from_millis(50), &mut |message| {
            if let Message::Lost(count) = message {
                lost += count;
            }
        });
        read.unwrap();
        if !lines.with(part).is_empty() {
            return lost;
        }
        assert!(
            Instant::now() < deadline,
            "no record of {part:?}, but {:?}",
            lines.with("")
        );
    }
}

#[test]
fn a_tracked_socket_that_does_not_fit_is_logged() {
    const RECORD: &str = "observer::kernel: hooks: a tracked socket did not fit: cookie ";
    if !require([Need::Root]) {
        return;
    }
    for mode in modes() {
        let _turn = Turn::alone();
        let lines = Lines::default();
        lines.of(Level::DEBUG, || {
            let mut hooks = Hooks::open(HooksChoice::Only(mode), TINY).unwrap();
            let began = Instant::now();
            let pairs = too_many();
            wait_for(&mut hooks, &lines, RECORD);
            // Far more did not fit: what is held back is counted.
            wait_for(&mut hooks, &lines, "more records were held back");
            let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
            let records = lines.with(RECORD);
            // Processors that race may each write one more.
            let most = (seconds + 1) * PER_SECOND * 2;
            assert!(records.len() <= most, "{mode:?}: {records:#?}");
            let port = pairs[0].client.peer_addr().unwrap().port();
            assert_ne!(port, 0);
            drop(pairs);
        });
    }
}

#[test]
fn an_event_that_is_lost_is_logged() {
    if !require([Need::Root]) {
        return;
    }
    for mode in modes() {
        let _turn = Turn::alone();
        let lines = Lines::default();
        lines.of(Level::DEBUG, || {
            let mut hooks = Hooks::open(HooksChoice::Only(mode), TINY).unwrap();
            hooks.listen(&EventKind::ALL).unwrap();
            let _pairs = too_many();
            let lost = wait_for(
                &mut hooks,
                &lines,
                "observer::kernel: hooks: an event was lost: kind ",
            );
            assert_ne!(lost, 0, "{mode:?}");
        });
    }
}

#[test]
fn no_record_is_written_where_nobody_asked() {
    if !require([Need::Root]) {
        return;
    }
    for mode in modes() {
        let _turn = Turn::alone();
        let lines = Lines::default();
        lines.of(Level::INFO, || {
            let mut hooks = Hooks::open(HooksChoice::Only(mode), TINY).unwrap();
            hooks.listen(&EventKind::ALL).unwrap();
            let _pairs = too_many();
            let mut lost = 0;
            let deadline = Instant::now() + SOON;
            while lost == 0 && Instant::now() < deadline {
                let read = hooks.wait(Duration::from_millis(50), &mut |message| {
                    if let Message::Lost(count) = message {
                        lost += count;
                    }
                });
                read.unwrap();
            }
            assert_ne!(lost, 0, "{mode:?}");
            let counters = hooks.counters().unwrap();
            assert_ne!(counters.tracked_rejected, 0, "{mode:?}");
            assert_eq!(counters.logs_suppressed, 0, "{mode:?}");
        });
        let records = lines.with("");
        assert!(records.is_empty(), "{mode:?}: {records:?}");
    }
}

/// The verifier takes each program with its records as it does without.
#[test]
fn the_level_changes_nothing_about_what_is_attached() {
    if !require([Need::Root]) {
        return;
    }
    for mode in modes() {
        let _turn = Turn::alone();
        let attached = |level| -> Vec<HookStatus> {
            Lines::default().of(level, || {
                let hooks = Hooks::open(HooksChoice::Only(mode), TINY).unwrap();
                hooks.statuses().to_vec()
            })
        };
        assert_eq!(attached(Level::DEBUG), attached(Level::INFO), "{mode:?}");
    }
}
