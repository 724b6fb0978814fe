//! Webhooks that take the agent's alerts: one that always does, and one that fails at times.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// An alert as it came.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SeenAlert {
    name: String,
    remote: String,
    /// `true` where it was over then: its end is not in the future.
    is_over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Good,
    /// Answers 500.
    Failing,
    /// Takes a request and never answers.
    Hanging,
    /// Nobody listens.
    Down,
}

/// In turn, each for a twelfth of the time but no longer than this: after so long the agent waits
/// for some 16 s until it tries again.
const BEHAVIOURS: [Behaviour; 6] = [
    Behaviour::Good,
    Behaviour::Failing,
    Behaviour::Good,
    Behaviour::Hanging,
    Behaviour::Good,
    Behaviour::Down,
];
const LONGEST: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(5);
const NAP: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    /// Time from which on it is reliable.
    is_calm: AtomicBool,
    /// Time at which each came first; peers have few names.
    seen: Mutex<BTreeMap<SeenAlert, Instant>>,
    count: AtomicU64,
}

pub(super) struct Sink {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Sink {
    /// One that is unreliable for so long, or a reliable one.
    pub(super) fn start(unreliable: Option<Duration>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        let each = unreliable.map(|lasts| (lasts / 12).min(LONGEST));
        let thread = thread::spawn(move || listen(listener, address, each, &of_thread));
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
        })
    }

    pub(super) fn calm_down(&self) {
        self.shared.is_calm.store(true, Ordering::Relaxed);
    }

    /// The part of a configuration that sends alerts here.
    pub(super) fn config(&self) -> String {
        let url = format!("http://{}/", self.address);
        format!("[[alert.sink]]\nkind = \"webhook\"\nurl = \"{url}\"\n")
    }

    /// Number of alerts that came.
    pub(super) fn count(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// Time of the first alert of this name for this peer, at the begin of the danger or at its end.
    pub(super) fn seen_at(&self, name: &str, remote: &str, is_over: bool) -> Option<Instant> {
        let seen = self.shared.seen.lock();
        let seen = seen.unwrap_or_else(PoisonError::into_inner);
        let wanted = SeenAlert {
            name: name.to_owned(),
            remote: remote.to_owned(),
            is_over,
        };
        seen.get(&wanted).copied()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn listen(
    listener: TcpListener,
    address: SocketAddr,
    each: Option<Duration>,
    shared: &Shared,
) -> Result<()> {
    let began = Instant::now();
    let mut listener = Some(listener);
    let mut hung = Vec::new();
    while !shared.is_over.load(Ordering::Relaxed) {
        let behaviour = match each {
            Some(each) if !shared.is_calm.load(Ordering::Relaxed) => {
                let turn = began.elapsed().as_millis() / each.as_millis().max(1);
                let turn = usize::try_from(turn)? % BEHAVIOURS.len();
                BEHAVIOURS.get(turn).copied().unwrap_or(Behaviour::Good)
            }
            _ => Behaviour::Good,
        };
        if behaviour != Behaviour::Hanging {
            hung.clear();
        }
        if behaviour == Behaviour::Down {
            listener = None;
            sleep(NAP);
            continue;
        }
        if listener.is_none() {
            listener = Some(TcpListener::bind(address).context("a sink's port is taken")?);
        }
        let Some(open) = &listener else { continue };
        open.set_nonblocking(true)?;
        match open.accept() {
            Ok((stream, _)) if behaviour == Behaviour::Hanging => hung.push(stream),
            Ok((stream, _)) => take(stream, behaviour, shared),
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(NAP),
            // Whoever connected has hung up already.
            Err(_) => sleep(NAP),
        }
    }
    Ok(())
}

/// Answers one request; one that does not come whole is none.
fn take(stream: TcpStream, behaviour: Behaviour, shared: &Shared) {
    let Ok(body) = read(&stream) else { return };
    let answer = match behaviour {
        Behaviour::Failing => "500 Internal Server Error",
        _ => "200 OK",
    };
    let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let sent = (&stream).write_all(answer.as_bytes());
    if behaviour == Behaviour::Good && sent.is_ok() {
        let alerts = alerts(&body);
        shared
            .count
            .fetch_add(alerts.len() as u64, Ordering::Relaxed);
        let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for alert in alerts {
            seen.entry(alert).or_insert_with(Instant::now);
        }
    }
}

fn read(stream: &TcpStream) -> Result<Vec<u8>> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        line.clear();
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(body)
}

fn alerts(body: &[u8]) -> Vec<SeenAlert> {
    let now = jiff::Timestamp::now();
    let Ok(Value::Array(alerts)) = serde_json::from_slice(body) else {
        return Vec::new();
    };
    let seen = alerts.iter().filter_map(|alert| {
        let ends_at: jiff::Timestamp = alert["endsAt"].as_str()?.parse().ok()?;
        let label = |name: &str| alert["labels"][name].as_str().map(str::to_owned);
        Some(SeenAlert {
            name: label("alertname")?,
            remote: label("remote")?,
            is_over: ends_at <= now,
        })
    });
    seen.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(address: SocketAddr, ends_at: &str) -> String {
        let body = format!(
            "[{{\"labels\": {{\"alertname\": \"A\", \"remote\": \"r\"}}, \"endsAt\": \"{ends_at}\"}}]"
        );
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// It answers before it has read what it was seen.
    fn until(mut comes: impl FnMut() -> bool) -> bool {
        (0..250).any(|_| {
            sleep(NAP);
            comes()
        })
    }

    #[test]
    fn what_fires_and_what_is_over_are_told_apart() {
        let sink = Sink::start(None).unwrap();
        let seen = |is_over| sink.seen_at("A", "r", is_over).is_some();
        assert!(post(sink.address, "2100-01-01T00:00:00Z").starts_with("HTTP/1.1 200"));
        assert!(until(|| seen(false)) && !seen(true));
        post(sink.address, "2020-01-01T00:00:00Z");
        assert!(until(|| seen(true)));
        assert_eq!(sink.count(), 2);
    }
}
