//! `observer trace` as a child process, and the events that it prints.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::guest_series;

/// Line on stderr once the hooks are attached.
const READY: &str = "observer: tracing";

/// The program, without the configuration of the machine.
pub fn observer() -> Command {
    let binary = std::env::var_os("OBSERVER_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_observer")),
        PathBuf::from,
    );
    let mut command = Command::new(binary);
    command
        .env_remove("OBSERVER_PATH")
        .env_remove("OBSERVER_CONFIG")
        .env_remove("OBSERVER_SCAN");
    command
}

pub use observer::source::AttachMode;

/// Modes in which timers and the lives of connections are traced here: that which
/// `OBSERVER_TEST_HOOKS` names, otherwise all. Elsewhere than in guests trampolines may be refused by
/// policy.
pub fn modes() -> Vec<AttachMode> {
    let mut modes = if guest_series().is_some() {
        vec![AttachMode::Trampoline, AttachMode::Tracepoint]
    } else {
        vec![AttachMode::Tracepoint]
    };
    if let Ok(only) = std::env::var("OBSERVER_TEST_HOOKS") {
        modes.retain(|mode| mode.name() == only);
        assert!(
            !modes.is_empty(),
            "OBSERVER_TEST_HOOKS={only} is not tried here"
        );
    }
    modes
}

/// Modes in which setsockopt is traced here: a trampoline of 5.10 cannot take its arguments.
pub fn setsockopt_modes() -> Vec<AttachMode> {
    let mut modes = modes();
    if guest_series().as_deref() == Some("5.10") {
        modes.retain(|mode| *mode == AttachMode::Tracepoint);
    }
    modes
}

/// A turn among the traces of all tests of this machine. Traces see every process, so what makes
/// events by the thousand, and what looks at everything that observer loaded, runs alone.
#[derive(Debug)]
pub struct Turn {
    _locked: File,
}

impl Turn {
    pub fn shared() -> Self {
        let file = Self::file();
        file.lock_shared().unwrap();
        Self { _locked: file }
    }

    pub fn alone() -> Self {
        let file = Self::file();
        file.lock().unwrap();
        Self { _locked: file }
    }

    fn file() -> File {
        // Not in the folder for temporary files, of which a run of tests may have one of its own.
        let path = "/tmp/observer-test-traces.lock";
        File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap()
    }
}

/// Events so far; the condition is told of each.
type Seen = Arc<(Mutex<Vec<Value>>, Condvar)>;

/// A trace under way. Dropped, it is killed.
#[derive(Debug)]
pub struct Trace {
    child: Child,
    seen: Seen,
    stdout: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<Vec<String>>>,
    _turn: Turn,
}

/// A trace that ended by itself or was asked to.
#[derive(Debug)]
pub struct Traced {
    pub events: Vec<Value>,
    /// Of the closing line.
    pub printed: u64,
    /// Of the closing line.
    pub lost: u64,
}

impl Trace {
    /// Starts it and waits until its hooks are attached.
    pub fn start(mode: AttachMode) -> Self {
        Self::start_in(Turn::shared(), mode, &[])
    }

    /// The same, with a turn already taken and more arguments.
    pub fn start_in(turn: Turn, mode: AttachMode, arguments: &[&str]) -> Self {
        let mut child = observer()
            .args(["trace", "-o", "jsonl", "--hooks", mode.name()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let seen = Seen::default();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (ready, is_ready) = mpsc::channel();
        let collected = Arc::clone(&seen);
        let mut trace = Self {
            child,
            seen,
            stdout: stdout.map(|out| std::thread::spawn(move || collect(out, &collected))),
            stderr: stderr.map(|err| std::thread::spawn(move || listen(err, &ready))),
            _turn: turn,
        };
        if is_ready.recv_timeout(Duration::from_secs(60)).is_err() {
            let said = trace.kill();
            panic!("{mode:?}: no line with {READY:?} on stderr, but: {said:?}");
        }
        trace
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its resident memory in KiB; `None` once it has ended.
    pub fn rss_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Waits until `found` finds what it wants among the events.
    pub fn wait_for<T>(
        &self,
        what: &str,
        within: Duration,
        found: impl Fn(&[Value]) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + within;
        let (events, more) = &*self.seen;
        let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(value) = found(&events) {
                return value;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let events = events.clone();
                panic!("not seen within {within:?}: {what}; {}", listing(&events));
            }
            events = more
                .wait_timeout(events, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Asks it to end, as Ctrl-C does, and asserts that nothing was lost.
    pub fn finish(self) -> Vec<Value> {
        // What is on its way, and what must not come, has time to.
        std::thread::sleep(Duration::from_millis(300));
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let traced = self.wait(Duration::from_secs(20));
        assert_eq!(traced.lost, 0, "events were lost");
        assert!(
            traced.events.iter().all(|event| event["kind"] != "lost"),
            "events were lost"
        );
        assert_eq!(traced.printed, u64::try_from(traced.events.len()).unwrap());
        traced.events
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self, within: Duration) -> Traced {
        let deadline = Instant::now() + within;
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "trace has not ended");
            std::thread::sleep(Duration::from_millis(10));
        };
        let said = self.said();
        assert_eq!(status.code(), Some(0), "{said:?}");
        let (printed, lost) = said
            .last()
            .and_then(|line| totals(line))
            .unwrap_or_else(|| {
                panic!("the last line on stderr tells no number of events, or none lost: {said:?}")
            });
        let events = self
            .seen
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Traced {
            events,
            printed,
            lost,
        }
    }

    /// Ends it without a chance to clean up, and returns what it said.
    pub fn kill(&mut self) -> Vec<String> {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        self.said()
    }

    fn said(&mut self) -> Vec<String> {
        if let Some(reader) = self.stdout.take() {
            reader.join().unwrap();
        }
        self.stderr
            .take()
            .map_or_else(Vec::new, |reader| reader.join().unwrap())
    }
}

/// Events were lost in this process's traces.
static LOST: AtomicBool = AtomicBool::new(false);

/// Tries a test again where it failed because the kernel left hooks out: it runs no program on a
/// processor where that is under way, and a slow machine interrupts programs often. What is lost so is
/// counted, which the tests of losses prove.
pub fn unless_events_are_lost(test: impl Fn()) {
    const TRIES: usize = 3;
    for _ in 1..TRIES {
        LOST.store(false, Ordering::SeqCst);
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(&test)) {
            Ok(()) => return,
            Err(_) if LOST.load(Ordering::SeqCst) => eprintln!("events were lost: tried again"),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    test();
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn collect(out: ChildStdout, seen: &Seen) {
    for line in BufReader::new(out).lines() {
        let line = line.unwrap();
        let event: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{error} in what trace printed: {line}"));
        if event["kind"] == "lost" {
            LOST.store(true, Ordering::SeqCst);
        }
        let (events, more) = &**seen;
        events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event);
        more.notify_all();
    }
}

fn listen(err: ChildStderr, ready: &mpsc::Sender<()>) -> Vec<String> {
    let mut said = Vec::new();
    for line in BufReader::new(err).lines() {
        let line = line.unwrap();
        if line.starts_with(READY) {
            // The test may have given up.
            let _told = ready.send(());
        }
        said.push(line);
    }
    said
}

/// The first number of the closing line, and the one next to the word `lost`.
fn totals(line: &str) -> Option<(u64, u64)> {
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | ';' | '.' | '(' | ')' | '='))
        .filter(|word| !word.is_empty())
        .collect();
    let number = |index: usize| words.get(index).and_then(|word| word.parse::<u64>().ok());
    let printed = (0..words.len()).find_map(number)?;
    let lost = words.iter().position(|word| *word == "lost")?;
    let lost = lost
        .checked_sub(1)
        .and_then(number)
        .or_else(|| number(lost + 1))
        .or((words.get(lost.wrapping_sub(1)) == Some(&"none")).then_some(0))?;
    Some((printed, lost))
}

/// Events for a failure's message, one a line, the last hundred.
pub fn listing(events: &[Value]) -> String {
    let mut text = format!("{} events", events.len());
    for event in &events[events.len().saturating_sub(100)..] {
        text.push('\n');
        text.push_str(&event.to_string());
    }
    text
}

/// When it happened, by the clock of the host.
pub fn at(event: &Value) -> jiff::Timestamp {
    let text = event["at"].as_str().unwrap_or_else(|| panic!("{event}"));
    text.parse()
        .unwrap_or_else(|error| panic!("{error}: {event}"))
}

/// One end of a connection.
pub fn address(event: &Value, end: &str) -> Option<std::net::SocketAddr> {
    let port = event[end]["port"].as_u64()?;
    let addr = event[end]["addr"].as_str()?;
    Some(std::net::SocketAddr::new(
        addr.parse().ok()?,
        port.try_into().ok()?,
    ))
}

/// True if the event is of this end of this connection.
pub fn is_between(
    event: &Value,
    local: std::net::SocketAddr,
    remote: std::net::SocketAddr,
) -> bool {
    address(event, "local") == Some(local) && address(event, "remote") == Some(remote)
}

/// A number of the event.
pub fn number(event: &Value, field: &str) -> u64 {
    event[field]
        .as_u64()
        .unwrap_or_else(|| panic!("no {field} in {event}"))
}
