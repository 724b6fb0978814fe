//! An `observer agent` of the test's own, and a sink that takes its alerts.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::trace::{Turn, observer};

/// Time for what takes no time, on a slow machine.
pub const SOON: Duration = Duration::from_secs(60);

/// Polls until `found` gives something.
pub fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {SOON:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Killed when dropped.
pub struct Agent {
    pub child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    folder: PathBuf,
    _turn: Option<Turn>,
}

impl Agent {
    /// Starts it with this configuration, on a port of its own, and waits until it is ready.
    pub fn start(config: &str, arguments: &[&str]) -> Self {
        Self::launch(config, arguments, &[], Stdio::piped(), Some(Turn::shared()))
    }

    /// The same in an environment with these variables.
    pub fn start_with_env(config: &str, arguments: &[&str], env: &[(&str, &str)]) -> Self {
        let turn = Some(Turn::shared());
        Self::launch(config, arguments, env, Stdio::piped(), turn)
    }

    /// The same in a turn that the test has.
    pub fn start_in_turn(config: &str, arguments: &[&str]) -> Self {
        Self::launch(config, arguments, &[], Stdio::piped(), None)
    }

    /// The same with another stderr than a pipe, and so a port that is known.
    pub fn start_with_stderr(config: &str, port: u16, stderr: Stdio) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let arguments = ["--listen", &listen];
        Self::launch(config, &arguments, &[], stderr, Some(Turn::shared()))
    }

    /// The same by a program that starts it, with that one's arguments.
    pub fn start_by(by: &[String], config: &str, arguments: &[&str]) -> Self {
        let (program, rest) = by.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(rest).arg(observer().get_program());
        let turn = Some(Turn::shared());
        Self::launch_by(command, config, arguments, Stdio::piped(), turn)
    }

    fn launch(
        config: &str,
        arguments: &[&str],
        env: &[(&str, &str)],
        stderr: Stdio,
        turn: Option<Turn>,
    ) -> Self {
        let mut command = observer();
        command.envs(env.iter().copied());
        Self::launch_by(command, config, arguments, stderr, turn)
    }

    fn launch_by(
        mut command: Command,
        config: &str,
        arguments: &[&str],
        stderr: Stdio,
        turn: Option<Turn>,
    ) -> Self {
        static STARTED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = STARTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("observer-agent-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("config.toml");
        std::fs::write(&file, config).unwrap();
        command.arg("agent").arg("--config").arg(&file);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let given = arguments
            .iter()
            .position(|argument| *argument == "--listen");
        let mut child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        if let Some(stderr) = child.stderr.take() {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    log.lock().unwrap().push(line);
                }
            });
        }
        let mut agent = Self {
            child,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            log,
            folder,
            _turn: turn,
        };
        agent.address = match given {
            Some(at) => arguments[at + 1].parse().unwrap(),
            None => until("ready", || {
                assert!(
                    agent.child.try_wait().unwrap().is_none(),
                    "the agent has ended: {:#?}",
                    agent.log()
                );
                let log = agent.log();
                let ready = log.iter().find(|line| line.contains("ready: "))?;
                let (_, address) = ready.split_once("serves ")?;
                let end = address.find(|c: char| c.is_whitespace() || c == '"');
                address[..end.unwrap_or(address.len())].parse().ok()
            }),
        };
        until("it answers", || {
            agent.try_get("/-/ready").filter(|(code, _)| *code == 200)
        });
        agent
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line of the log.
    pub fn wait_for_log(&self, part: &str) -> String {
        until(part, || {
            self.log().into_iter().find(|line| line.contains(part))
        })
    }

    /// Status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        self.try_get(path)
            .unwrap_or_else(|| panic!("{path}: no answer"))
    }

    fn try_get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(SOON)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let code = head.split(' ').nth(1)?.parse().ok()?;
        Some((code, body.to_owned()))
    }

    /// The value of a sample, named as it is exposed, labels included.
    pub fn metric(&self, name: &str) -> f64 {
        self.try_metric(name).unwrap_or_else(|| panic!("no {name}"))
    }

    pub fn try_metric(&self, name: &str) -> Option<f64> {
        let (code, body) = self.get("/metrics");
        assert_eq!(code, 200, "{body}");
        let mut lines = body.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Replaces its configuration and tells it.
    pub fn reload(&self, config: &str) {
        std::fs::write(self.folder.join("config.toml"), config).unwrap();
        self.signal(libc::SIGHUP);
    }

    pub fn signal(&self, signal: i32) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // SAFETY: no memory is involved.
        let sent = unsafe { libc::kill(pid.as_raw_nonzero().get(), signal) };
        assert_eq!(sent, 0);
    }

    /// Waits until it has ended; how, and how long that took.
    pub fn wait(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        let status = until("its end", || self.child.try_wait().unwrap());
        (status, began.elapsed())
    }

    /// Capabilities of its threads, by their names.
    pub fn capabilities(&self) -> Vec<(String, u64)> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let of = |task: std::fs::DirEntry| {
            let comm = std::fs::read_to_string(task.path().join("comm")).ok()?;
            let status = std::fs::read_to_string(task.path().join("status")).ok()?;
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("CapPrm:"))?;
            let held = u64::from_str_radix(line.trim(), 16).unwrap();
            Some((comm.trim_end().to_owned(), held))
        };
        tasks.filter_map(|task| of(task.unwrap())).collect()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

/// A webhook.
pub struct Sink {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Told>>>,
}

/// An alert as it came.
#[derive(Debug, Clone)]
pub struct Told {
    pub at: Instant,
    /// True if it was over then, as Alertmanager decides: its end is not in the future.
    pub is_over: bool,
    pub alert: Value,
}

impl Sink {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let sink = Self {
            address: listener.local_addr().unwrap(),
            got: Arc::default(),
        };
        let got = Arc::clone(&sink.got);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let body = take_request(stream.unwrap());
                let Ok(Value::Array(alerts)) = serde_json::from_str(&body) else {
                    continue;
                };
                let (at, now) = (Instant::now(), jiff::Timestamp::now());
                let mut got = got.lock().unwrap();
                got.extend(alerts.into_iter().map(|alert| {
                    let ends_at: jiff::Timestamp =
                        alert["endsAt"].as_str().unwrap().parse().unwrap();
                    Told {
                        at,
                        is_over: ends_at <= now,
                        alert,
                    }
                }));
            }
        });
        sink
    }

    /// The part of a configuration that sends alerts here.
    pub fn config(&self) -> String {
        format!(
            "[[alert.sink]]\nkind = \"webhook\"\nurl = \"http://{}/\"\n",
            self.address
        )
    }

    /// Alerts of this name on this peer.
    pub fn alerts(&self, name: &str, remote: &str) -> Vec<Told> {
        let got = self.got.lock().unwrap();
        let of = |told: &&Told| {
            let labels = &told.alert["labels"];
            labels["alertname"] == name && labels["remote"] == *remote
        };
        got.iter().filter(of).cloned().collect()
    }

    /// The first that fires.
    pub fn wait_firing(&self, name: &str, remote: &str) -> Told {
        until(name, || {
            let mut alerts = self.alerts(name, remote).into_iter();
            alerts.find(|told| !told.is_over)
        })
    }

    /// The first that says it is over.
    pub fn wait_resolved(&self, name: &str, remote: &str) -> Told {
        until(&format!("{name} resolved"), || {
            let mut alerts = self.alerts(name, remote).into_iter();
            alerts.find(|told| told.is_over)
        })
    }
}

fn take_request(stream: TcpStream) -> String {
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return String::new();
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let _gone = reader.into_inner().write_all(answer);
    String::from_utf8(body).unwrap()
}
