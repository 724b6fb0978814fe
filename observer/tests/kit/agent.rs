//! The real agent, as a process of the test's own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use super::monitoring::{http, wait_until};

#[derive(Debug)]
pub struct Agent {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Agent {
    /// Starts it with this configuration, at a port that the kernel chooses, and waits until it is
    /// ready.
    pub fn start(config: &Path) -> Self {
        Self::start_by(&mut Command::new(env!("CARGO_BIN_EXE_observer")), config)
    }

    /// The same by a command that ends in the program, or in what starts it.
    pub fn start_by(command: &mut Command, config: &Path) -> Self {
        let mut child = command
            .args(["agent", "--log", "text", "--listen", "127.0.0.1:0"])
            .arg("--config")
            .arg(config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        let mut address = None;
        wait_until("the agent is ready", || {
            let log = log.lock().unwrap();
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "the agent has ended: {ended:?}\n{log}");
            let line = log.lines().find(|line| line.contains("ready: "));
            let served = line.and_then(|line| line.rsplit_once("serves "));
            address = served.map(|(_, address)| address.trim().parse().unwrap());
            address.is_some()
        });
        Self {
            child,
            address: address.unwrap(),
            log,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The body of an answer.
    pub fn get(&self, path: &str) -> String {
        http::get(self.address, path).unwrap()
    }

    /// The value of a series now.
    pub fn value(&self, series: &str) -> f64 {
        let metrics = self.get("/metrics");
        let value = metrics
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {series} in\n{metrics}"));
        value.parse().unwrap()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Tells it to end, and returns how it did.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the agent's log:\n{}", self.log());
        }
    }
}
