//! A server with a fake host behind it, and a client that speaks HTTP by hand.

use std::future::Future;
use std::io::{self, Read as _, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use observer::cli::parse_query;
use observer::exporter::{
    Exporter, ExporterSettings, FullScan, FullScans, HostInfo, Reloader, Server, ServerConfig,
    ServerLimits,
};
use observer::model::scan::UnknownField;
use observer::policy::counts::{ByVerdict, SocketCounts};
use observer::policy::snapshot::Flagged;
use observer::policy::{HostSnapshot, Judged};
use tokio::sync::oneshot;

use crate::sockets;

/// Answer to whoever asks for a scan.
#[derive(Debug)]
pub(crate) struct FakeScans {
    pub(crate) fails: Mutex<Option<String>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) takes: Duration,
    /// The host has the fixed sockets so many times.
    pub(crate) times: AtomicUsize,
}

impl FullScans for FakeScans {
    fn ask(&self) -> Pin<Box<dyn Future<Output = Result<Arc<FullScan>, String>> + Send + '_>> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(self.takes).await;
            if let Some(why) = self.fails.lock().unwrap().clone() {
                return Err(why);
            }
            Ok(Arc::new(FullScan {
                taken_at: "2026-11-21T08:00:00.123Z".parse().unwrap(),
                took: Duration::from_micros(12_400),
                sockets: std::iter::repeat_n((), self.times.load(Ordering::Relaxed))
                    .flat_map(|()| sockets::all())
                    .map(|mut socket| {
                        socket.idle.peer_keeps_alive = socket.cookie == Some(4);
                        socket
                    })
                    .collect(),
                policy: Arc::new(sockets::policy()),
                unknown: Vec::new(),
            }))
        })
    }
}

/// The fixed sockets as a scan of the agent would count them.
pub(crate) fn snapshot() -> Arc<HostSnapshot> {
    let policy = sockets::policy();
    let all = sockets::all();
    let mut counts = SocketCounts::default();
    let mut flagged = Vec::new();
    let mut workloads: Vec<(Arc<str>, ByVerdict<u64>)> = Vec::new();
    for judged in sockets::judged(&all, &policy) {
        let judgement = judged.judgement;
        let quiet_ms = judged.socket.idle.quiet_ms();
        counts.add(judgement.verdict, judgement.health, quiet_ms);
        let cgroup = judged.socket.cgroup.as_deref();
        let workload = cgroup.and_then(|cgroup| cgroup.unit.clone());
        let workload: Arc<str> = workload.map_or("none".into(), |unit| unit.to_string().into());
        let at = workloads.iter().position(|(name, _)| *name == workload);
        let at = at.unwrap_or_else(|| {
            workloads.push((workload.clone(), ByVerdict::default()));
            workloads.len() - 1
        });
        *workloads[at].1.get_mut(judgement.verdict) += 1;
        flagged.push(Flagged {
            judged: Judged {
                socket: judged.socket.clone(),
                judgement,
            },
            workload,
        });
    }
    Arc::new(HostSnapshot {
        taken_at: "2026-11-21T08:00:00.123Z".parse().unwrap(),
        took: Duration::from_micros(12_400),
        scan: "bpf",
        counts,
        workloads,
        flagged,
        unknown: vec![UnknownField {
            field: "uid",
            why: "a <test>".to_owned(),
        }],
    })
}

pub(crate) fn limits() -> ServerLimits {
    ServerLimits {
        head: Duration::from_millis(400),
        request: Duration::from_secs(5),
        full_scan: Duration::from_millis(1500),
        ..ServerLimits::default()
    }
}

pub(crate) fn config() -> ServerConfig {
    ServerConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        limits: limits(),
        ..ServerConfig::default()
    }
}

/// A server in a thread of its own, stopped at the end.
pub(crate) struct Running {
    pub(crate) exporter: Arc<Exporter>,
    pub(crate) scans: Arc<FakeScans>,
    pub(crate) reloader: Reloader,
    address: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) fn start(config: &ServerConfig) -> Running {
    start_with(config, Duration::ZERO, Duration::from_secs(60))
}

pub(crate) fn start_with(
    config: &ServerConfig,
    scan_takes: Duration,
    stale_after: Duration,
) -> Running {
    let scans = Arc::new(FakeScans {
        fails: Mutex::new(None),
        asked: AtomicUsize::new(0),
        takes: scan_takes,
        times: AtomicUsize::new(1),
    });
    let host = HostInfo {
        host: "web-1".to_owned(),
        kernel: "6.12.107".to_owned(),
        scan: "bpf",
        hooks: "trampoline",
    };
    let exporter = Arc::new(Exporter::new(
        host,
        ExporterSettings {
            workload_limit: 3,
            stale_after,
            body_max_age: Duration::ZERO,
            started_at: "2026-11-21T07:00:00Z".parse().unwrap(),
            full_scans: scans.clone(),
            read_query: parse_query,
        },
    ));
    let server = Server::bind(config).unwrap();
    let address = server.local_addr();
    let reloader = server.reloader();
    let (stop, stopped) = oneshot::channel();
    let served = Arc::clone(&exporter);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let until = async { drop(stopped.await) };
        runtime.block_on(server.run(served, until)).unwrap();
    });
    Running {
        exporter,
        scans,
        reloader,
        address,
        stop: Some(stop),
        thread: Some(thread),
    }
}

impl Running {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).unwrap();
        stream
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request(&format!("GET {path}"), "")
    }

    /// A request line without version, and header lines.
    pub(crate) fn request(&self, line: &str, headers: &str) -> Answer {
        ask(self.connect(), line, headers)
    }

    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}

pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// A count of connections, when it has come to `least` or had time to: each is counted after it is
/// closed.
pub(crate) fn counted(least: f64, count: impl Fn() -> f64) -> f64 {
    let began = Instant::now();
    loop {
        let now = count();
        if now >= least || began.elapsed() > Duration::from_secs(5) {
            return now;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn ask(mut stream: impl io::Read + Write, line: &str, headers: &str) -> Answer {
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n"
    )
    .unwrap();
    let mut bytes = Vec::new();
    // A server that closes before it has read everything resets.
    drop(stream.read_to_end(&mut bytes));
    answer(&bytes)
}

pub(crate) fn answer(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let end = text
        .find("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text:?}"));
    let head = &text[..end];
    Answer {
        code: head[9..12].parse().unwrap(),
        head: head.to_owned(),
        body: bytes[end + 4..].to_vec(),
    }
}

/// Puts the chunks of a body together; the last one must be there.
pub(crate) fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let chunk = &rest[end + 2..];
        body.extend_from_slice(&chunk[..size]);
        rest = &chunk[size + 2..];
        if size == 0 {
            assert!(rest.is_empty());
            return body;
        }
    }
}

/// The value of a sample that is there once.
pub(crate) fn sample(metrics: &str, series: &str) -> f64 {
    let mut values = metrics.lines().filter_map(|line| {
        let value = line.strip_prefix(series)?.strip_prefix(' ')?;
        Some(value.parse::<f64>().unwrap())
    });
    let value = values.next();
    assert!(values.next().is_none(), "{series} twice");
    value.unwrap_or_else(|| panic!("no {series} in\n{metrics}"))
}

pub(crate) fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_string(&mut text)
        .unwrap();
    text
}
