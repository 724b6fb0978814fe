//! A real Alertmanager, on loopback, with the configuration that docs/alerts.md shows.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Folder, free_address, http, wait_until};
use crate::kit::require::Need;

/// As Debian and as its makers name it.
const PROGRAMS: [&str; 2] = ["alertmanager", "prometheus-alertmanager"];

/// The name that this machine knows it by; Debian's where there is neither.
fn program() -> &'static str {
    let [plain, debian] = PROGRAMS;
    let plain_is_there = Command::new(plain).arg("--version").output().is_ok();
    if plain_is_there { plain } else { debian }
}

#[derive(Debug)]
pub struct Alertmanager {
    child: Child,
    pub address: SocketAddr,
    _folder: Folder,
}

impl Alertmanager {
    /// Needs of a test that starts it.
    pub fn need() -> Need {
        Need::Program(program())
    }

    pub fn start() -> Self {
        let program = program();
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
        this
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
