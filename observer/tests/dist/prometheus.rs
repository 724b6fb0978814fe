//! A real Prometheus scrapes an agent's metrics, evaluates the rules and answers the dashboard.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Folder, grafana, http, metrics, rules};

const SOON: Duration = Duration::from_secs(60);

struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: Folder,
}

impl Prometheus {
    /// One that scrapes this agent every second.
    fn start(agent: SocketAddr) -> Self {
        let folder = Folder::new("prometheus");
        folder.write("rules.yml", &crate::text("prometheus/rules.yml"));
        let configuration = folder.write(
            "prometheus.yml",
            &format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
                 rule_files: [rules.yml]\n\
                 scrape_configs:\n  - job_name: observer\n    static_configs: [targets: ['{agent}']]\n"
            ),
        );
        let unused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = unused.local_addr().unwrap();
        drop(unused);
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
    fn ask(&self, path: &str) -> Result<Value, String> {
        let body = http::get(self.address, path).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&body).map_err(|_| body.clone())?;
        if answer["status"] == "success" {
            Ok(answer["data"].clone())
        } else {
            Err(body)
        }
    }

    /// How many series a query returns.
    fn query(&self, query: &str) -> Result<usize, String> {
        let data = self.ask(&format!("/api/v1/query?query={}", http::encoded(query)))?;
        Ok(data["result"].as_array().map_or(0, Vec::len))
    }

    /// Until the query returns something.
    fn wait(&self, query: &str) {
        let began = Instant::now();
        while !self.query(query).is_ok_and(|series| series > 0) {
            assert!(began.elapsed() < SOON, "{query}: {:?}", self.query(query));
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[test]
fn a_real_one_answers_every_query() {
    if !crate::promised("prometheus") {
        return;
    }
    let prometheus = Prometheus::start(http::serve(metrics::exposition));
    prometheus.wait("count_over_time(up[10s]) >= 4");
    prometheus.wait("job_health:observer_sockets:sum");

    // Every series that was offered was taken.
    for name in metrics::names() {
        assert!(prometheus.query(name).unwrap() > 0, "{name}");
    }
    let panels = grafana::queries(&grafana::dashboard());
    assert!(panels.len() > 20);
    for (title, query) in &panels {
        let series = prometheus
            .query(query)
            .unwrap_or_else(|error| panic!("{title}: {error}"));
        assert!(series > 0, "{title}: no data from {query}");
    }
    let rules = rules::expressions();
    assert!(rules.len() > 10);
    for (name, query) in &rules {
        // An alert that does not fire has no data; what it looks at must have.
        prometheus
            .query(query)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // What an agent without hooks says, and this one does not.
    let elsewhere = "observer_host_info{hooks=\"none\"}";
    let all = panels.iter().chain(&rules);
    for (name, query) in all {
        for selector in metrics::selectors(query) {
            if selector == elsewhere {
                continue;
            }
            assert!(
                prometheus.query(&selector).unwrap() > 0,
                "{name}: nothing is {selector}"
            );
        }
    }
    let groups = prometheus.ask("/api/v1/rules").unwrap();
    let groups = groups["groups"].as_array().unwrap();
    let evaluated = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap());
    assert_eq!(evaluated.clone().count(), rules.len());
    for rule in evaluated {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    // And the questions can fail.
    assert_eq!(
        prometheus.query("observer_sockets{verdict=\"nothing\"}"),
        Ok(0)
    );
    assert!(prometheus.query("sum(").is_err());
}
