//! A real Prometheus, on loopback, with its data in a folder of its own.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Folder, dist, free_address, http, wait_until};

#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: Folder,
}

impl Prometheus {
    /// One that does what `dist/` says, with agents that are in its list of files, each second.
    pub fn start(agent: SocketAddr) -> Self {
        let folder = Folder::new("prometheus");
        folder.write("rules.yml", &dist::text("prometheus/rules.yml"));
        folder.write("agents.json", &format!(r#"[{{"targets": ["{agent}"]}}]"#));
        let configuration = dist::text("prometheus/scrape.yml")
            .replace("scrape_interval: 30s", "scrape_interval: 1s")
            .replace("scrape_timeout: 10s", "scrape_timeout: 1s")
            .replace("/etc/prometheus/observer/*.json", "agents.json");
        assert!(configuration.contains("[agents.json]"), "{configuration}");
        let configuration = format!("global: {{evaluation_interval: 1s}}\n{configuration}");
        let configuration = folder.write("prometheus.yml", &configuration);
        let address = free_address();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.0.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            address,
            _folder: folder,
        }
    }

    /// The answer's data; an error is for the caller to make sense of.
    pub fn ask(&self, path: &str) -> Result<Value, String> {
        let body = http::get(self.address, path).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&body).map_err(|_| body.clone())?;
        if answer["status"] == "success" {
            Ok(answer["data"].clone())
        } else {
            Err(body)
        }
    }

    /// Number of series that a query returns.
    pub fn query(&self, query: &str) -> Result<usize, String> {
        let data = self.ask(&format!("/api/v1/query?query={}", http::encoded(query)))?;
        Ok(data["result"].as_array().map_or(0, Vec::len))
    }

    /// Until the query returns something.
    pub fn wait(&self, query: &str) {
        wait_until(query, || self.query(query).is_ok_and(|series| series > 0));
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
