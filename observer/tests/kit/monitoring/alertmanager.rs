//! A real Alertmanager, on loopback, with the configuration that docs/alerts.md shows.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Folder, free_address, http, promised, wait_until};

/// As Debian and as its makers name it.
const PROGRAMS: [&str; 2] = ["alertmanager", "prometheus-alertmanager"];

#[derive(Debug)]
pub struct Alertmanager {
    child: Child,
    pub address: SocketAddr,
    _folder: Folder,
}

impl Alertmanager {
    /// `None` where it is not installed and need not be.
    pub fn start() -> Option<Self> {
        let [plain, debian] = PROGRAMS;
        let is_there = |program: &&str| Command::new(program).arg("--version").output().is_ok();
        let program = match Some(plain).filter(is_there) {
            Some(program) => program,
            None if promised(debian) => debian,
            None => return None,
        };
        let folder = Folder::new("alertmanager");
        let page = include_str!("../../../../docs/alerts.md");
        let config = page.split("```yaml").nth(1).unwrap();
        let config = folder.write("alertmanager.yml", config.split("```").next().unwrap());
        let address = free_address();
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.path={}",
                folder.0.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let this = Self {
            child,
            address,
            _folder: folder,
        };
        wait_until("Alertmanager is ready", || {
            http::get(address, "/-/ready").is_ok_and(|body| body.starts_with("OK"))
        });
        Some(this)
    }

    pub fn alerts(&self) -> Vec<Value> {
        let body = http::get(self.address, "/api/v2/alerts").unwrap();
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    /// Names of its alerts with their state, sorted.
    pub fn states(&self) -> Vec<String> {
        let mut states: Vec<_> = self.alerts().iter().map(state).collect();
        states.sort();
        states
    }
}

/// Name and state of an alert: `KeepaliveStale active`.
pub fn state(alert: &Value) -> String {
    let [name, state] = [&alert["labels"]["alertname"], &alert["status"]["state"]];
    format!("{} {}", name.as_str().unwrap(), state.as_str().unwrap())
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
