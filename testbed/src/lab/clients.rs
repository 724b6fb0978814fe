//! The clients of the lab, as people use them, and what each is asked to fetch.

use std::{env::var_os, fs, path::Path, process::Command};

use anyhow::{Context as _, Result};
use xtask::env;

use super::{middlebox::SERVER, plan::Plan};

pub(super) const PORT: u16 = 8080;
/// The server itself keeps connections to this one alive.
pub(super) const PROBING_PORT: u16 = 8081;
pub(super) const POSTGRES_PORT: u16 = 5432;

/// Debian packages that the clients are from.
pub(super) const PACKAGES: &[&str] = &[
    "curl",
    "default-jdk-headless",
    "golang-go",
    "iproute2",
    "nftables",
    "nodejs",
    "postgresql",
    "python3-aiohttp",
    "python3-httpx",
    "python3-requests",
    "util-linux",
    "wget",
];

/// Files of the clients that are no programs of Debian.
const SOURCES: &[(&str, &str)] = &[
    ("http_client.py", include_str!("clients/http_client.py")),
    (
        "requests_client.py",
        include_str!("clients/requests_client.py"),
    ),
    ("httpx_client.py", include_str!("clients/httpx_client.py")),
    (
        "aiohttp_client.py",
        include_str!("clients/aiohttp_client.py"),
    ),
    ("client.go", include_str!("clients/client.go")),
    ("Client.java", include_str!("clients/Client.java")),
    ("client.js", include_str!("clients/client.js")),
];

/// A client: its name, and its command.
///
/// In the command, `URL` answers after twice the limit and more, `NOW` at once, `DRIBBLE` in bytes
/// that are less than the limit apart, `PROBED` as `URL` from a server that sends keepalives;
/// `PROBE` is a first probe early enough, in seconds, `SILENCE` the time between two requests,
/// `WORK` the folder of what was built.
pub(super) struct Client {
    pub(super) name: &'static str,
    command: &'static str,
    /// `true` where it runs with sysctls that make keepalive early.
    pub(super) tuned: bool,
}

const fn client(name: &'static str, command: &'static str) -> Client {
    Client {
        name,
        command,
        tuned: false,
    }
}

pub(super) const CLIENTS: &[Client] = &[
    client("curl", "curl -sS URL"),
    client("curl --no-keepalive", "curl -sS --no-keepalive URL"),
    client(
        "curl --keepalive-time",
        "curl -sS --keepalive-time PROBE URL",
    ),
    client("wget", "wget -nv -t1 -T0 -O- URL"),
    client("http.client", "python3 WORK/http_client.py plain URL"),
    client(
        "http.client, SO_KEEPALIVE",
        "python3 WORK/http_client.py switch URL",
    ),
    Client {
        tuned: true,
        ..client(
            "the same, sysctl low",
            "python3 WORK/http_client.py switch URL",
        )
    },
    client("server probes", "python3 WORK/http_client.py plain PROBED"),
    client(
        "server dribbles",
        "python3 WORK/http_client.py plain DRIBBLE",
    ),
    client(
        "requests",
        "python3 WORK/requests_client.py plain URL PROBE 0",
    ),
    client(
        "requests, options",
        "python3 WORK/requests_client.py options URL PROBE 0",
    ),
    client(
        "requests, values only",
        "python3 WORK/requests_client.py values URL PROBE 0",
    ),
    client(
        "requests, pool",
        "python3 WORK/requests_client.py pool NOW PROBE SILENCE",
    ),
    client("httpx", "python3 WORK/httpx_client.py URL"),
    client("aiohttp", "python3 WORK/aiohttp_client.py URL"),
    client("go", "WORK/go default URL"),
    client("go, KeepAlive", "WORK/go set URL PROBE"),
    client("go, KeepAlive -1", "WORK/go off URL 0"),
    client(
        "java, URL",
        "java -XX:TieredStopAtLevel=1 -cp WORK Client url URL",
    ),
    client(
        "java.net.http",
        "java -XX:TieredStopAtLevel=1 -cp WORK Client http URL",
    ),
    client(
        "java, TCP_KEEPIDLE",
        "java -XX:TieredStopAtLevel=1 -cp WORK Client socket URL PROBE",
    ),
    client("node", "node WORK/client.js default URL"),
    client("node, plain Agent", "node WORK/client.js plain URL"),
    client("node, setKeepAlive", "node WORK/client.js set URL PROBE"),
    client("node, pool", "node WORK/client.js pool NOW PROBE SILENCE"),
    client("psql", "psql -XAt POSTGRES -c SQL"),
    client(
        "psql, keepalives_idle",
        "psql -XAt POSTGRES?keepalives_idle=PROBE -c SQL",
    ),
    client("reqwest", "WORK/reqwest URL"),
    client("reqwest, tcp_keepalive", "WORK/reqwest URL PROBE"),
];

impl Client {
    /// The command as it is run.
    pub(super) fn command(&self, plan: &Plan) -> Result<Vec<String>> {
        let work = plan.work.to_string_lossy();
        let silence_ms = plan.silence().as_millis();
        let silence_s = plan.silence().as_secs_f64();
        let (gap_ms, bytes) = plan.dribble();
        let http = |port: u16, path: String| format!("http://{SERVER}:{port}/{path}");
        let values = [
            ("python3", "/usr/bin/python3".into()),
            ("URL", http(PORT, format!("sleep/{silence_ms}"))),
            ("PROBED", http(PROBING_PORT, format!("sleep/{silence_ms}"))),
            ("NOW", http(PORT, "sleep/0".into())),
            ("DRIBBLE", http(PORT, format!("dribble/{gap_ms}/{bytes}"))),
            (
                "POSTGRES",
                format!("postgresql://postgres@{SERVER}:{POSTGRES_PORT}/postgres"),
            ),
            ("PROBE", plan.probe_s().to_string()),
            ("SILENCE", silence_s.to_string()),
            (
                "SQL",
                format!("select '{}' from pg_sleep({silence_s})", super::ANSWER),
            ),
            // Last: whatever its name has in it stays.
            ("WORK", work.into_owned()),
        ];
        let fill = |word: &str| {
            let values = values.iter();
            values.fold(word.to_owned(), |word, (name, value)| {
                word.replace(name, value)
            })
        };
        Ok(self.command.split_whitespace().map(fill).collect())
    }

    /// Program or library of it that this host lacks, if any.
    pub(super) fn lacks(&self, plan: &Plan) -> Result<Option<String>> {
        let words = self.command(plan)?;
        let absent = |file: &str| {
            let found = if file.contains('/') {
                Path::new(file).exists()
            } else {
                env::find_program(file).is_some()
            };
            (!found).then(|| format!("no {file}"))
        };
        let program = words.first().context("a client without a program")?;
        if let Some(lack) = absent(program) {
            return Ok(Some(lack));
        }
        let script = words.get(1).filter(|word| word.ends_with(".py"));
        let library = script
            .and_then(|script| Path::new(script).file_stem())
            .map(|stem| stem.to_string_lossy().replace("_client", ""))
            .filter(|library| library != "http");
        Ok(library
            .filter(|library| !imports(program, library))
            .map(|library| format!("no Python library {library}")))
    }

    pub(super) fn needs_postgres(&self) -> bool {
        self.command.contains("POSTGRES")
    }
}

fn imports(python: &str, library: &str) -> bool {
    let import = format!("import {library}");
    env::output(Command::new(python).args(["-c", &import])).is_ok()
}

/// Writes and compiles what is no program of Debian into `work`.
pub(super) fn build(work: &Path) -> Result<()> {
    for (name, text) in SOURCES {
        let file = work.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let go = ["build", "-o", "go", "client.go"];
    // Without the C library it runs in any guest.
    env::output(
        Command::new("go")
            .args(go)
            .current_dir(work)
            .env("CGO_ENABLED", "0"),
    )?;
    env::output(Command::new("javac").arg("Client.java").current_dir(work))?;
    build_reqwest(work)
}

fn build_reqwest(work: &Path) -> Result<()> {
    let root = env::workspace_root();
    let built = env::target_dir(&root).join("debug/examples/reqwest_client");
    // Who names the program under test has built everything: as root, cargo may not be at hand.
    if var_os("OBSERVER_BIN").is_none() || !built.exists() {
        let build = ["build", "--quiet", "--package", "testbed"];
        let mut cargo = env::cargo();
        cargo.current_dir(&root).args(build);
        env::run(cargo.args(["--example", "reqwest_client"]))?;
    }
    fs::copy(&built, work.join("reqwest")).context("cannot copy the reqwest client")?;
    Ok(())
}
