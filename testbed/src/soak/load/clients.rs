//! Clients that ask as clients should, and some that ask for what there is not.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::{Pace, Work};
use crate::bench::agent::http::{Client, Response};

pub(super) const SCRAPERS: usize = 4;

const OPENMETRICS: &str = "application/openmetrics-text";

/// A scraper that keeps its connection; each of the first four has a form of its own.
pub(super) fn scrape(work: &Work, number: usize, address: SocketAddr, slower: u32) -> Result<()> {
    let mut headers = Vec::new();
    if number % 2 == 1 {
        headers.push(("Accept", OPENMETRICS));
    }
    let takes_gzip = number / 2 % 2 == 1;
    if takes_gzip {
        headers.push(("Accept-Encoding", "gzip"));
    }
    let mut client = Client::connect(address)?;
    let mut pace = Pace::new(Duration::from_millis(100) * slower);
    let mut asked = 0;
    while pace.wait(work) {
        let Response {
            status,
            is_gzip,
            body,
            ..
        } = client.get("/metrics", &headers).context("a scrape")?;
        if status != 200 || is_gzip != takes_gzip || body.len() < 500 {
            bail!(
                "a scrape was answered by {status}, gzip {is_gzip}, {} bytes",
                body.len()
            );
        }
        work.count(1);
        asked += 1;
        // Connections end after ten minutes, and scrapers are restarted.
        if asked % 100 == 0 {
            client = Client::connect(address)?;
        }
    }
    Ok(())
}

pub(super) fn pages(work: &Work, address: SocketAddr, slower: u32) -> Result<()> {
    let mut pace = Pace::new(Duration::from_millis(500) * slower);
    while pace.wait(work) {
        for (path, begins) in [
            ("/", "<!DOCTYPE html>"),
            ("/-/ready", ""),
            ("/-/healthy", ""),
        ] {
            let response = Client::connect(address)?.get(path, &[])?;
            let body = String::from_utf8_lossy(&response.body);
            if response.status != 200 || !body.to_lowercase().starts_with(&begins.to_lowercase()) {
                bail!("{path} was answered by {}: {body:.200}", response.status);
            }
            work.count(1);
        }
    }
    Ok(())
}

/// Selections, in turn; the last is everything.
const QUESTIONS: [&str; 8] = [
    "?comm=soak*",
    "?health=at-risk&health=stale",
    "?port=8443",
    "?verdict=late&verdict=unprotected&min-quiet=2s",
    "?remote=10.79.0.0/24&state=established",
    "?all&6",
    "?pid=1",
    "?all",
];

/// Asks for sockets. Each is a scan of every socket for the agent.
pub(super) fn questions(work: &Work, address: SocketAddr, slower: u32) -> Result<()> {
    let mut pace = Pace::new(Duration::from_millis(1_500) * slower);
    let questions = QUESTIONS
        .iter()
        .cycle()
        .zip([true, false, false].into_iter().cycle());
    for (question, takes_gzip) in questions {
        if !pace.wait(work) {
            return Ok(());
        }
        let headers: &[(&str, &str)] = if takes_gzip {
            &[("Accept-Encoding", "gzip")]
        } else {
            &[]
        };
        let path = format!("/api/v1/sockets{question}");
        let response = Client::connect(address)?
            .get(&path, headers)
            .context(path)?;
        check(&response, takes_gzip).with_context(|| format!("{question}, gzip {takes_gzip}"))?;
        work.count(1);
    }
    Ok(())
}

fn check(response: &Response, takes_gzip: bool) -> Result<()> {
    let Response { status, body, .. } = response;
    if *status != 200 {
        bail!(
            "answered by {status}: {:.200}",
            String::from_utf8_lossy(body)
        );
    }
    if takes_gzip {
        if !response.is_gzip || !body.starts_with(b"\x1f\x8b") {
            bail!("{} bytes are no gzip", body.len());
        }
        return Ok(());
    }
    let document: serde_json::Value = serde_json::from_slice(body)?;
    let sockets = document["sockets"].as_array().context("no sockets")?;
    if document["sockets_shown"].as_u64() != Some(sockets.len() as u64) {
        bail!("{} sockets are not as many as it counts", sockets.len());
    }
    Ok(())
}

/// Requests, and the status of each answer.
const WRONG: [(&str, u16); 8] = [
    (
        "GET /api/v1/sockets?port=99999 HTTP/1.1\r\nHost: s\r\n\r\n",
        400,
    ),
    (
        "GET /api/v1/sockets?prot=1 HTTP/1.1\r\nHost: s\r\n\r\n",
        400,
    ),
    (
        "GET /api/v1/sockets?%ff=%00 HTTP/1.1\r\nHost: s\r\n\r\n",
        400,
    ),
    ("GET /nothing HTTP/1.1\r\nHost: s\r\n\r\n", 404),
    ("DELETE /metrics HTTP/1.1\r\nHost: s\r\n\r\n", 405),
    (
        "POST /metrics HTTP/1.1\r\nHost: s\r\nContent-Length: 5\r\n\r\nhello",
        400,
    ),
    (
        "GET / HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("nonsense\r\n\r\n", 400),
];

pub(super) fn wrong(work: &Work, address: SocketAddr, slower: u32) -> Result<()> {
    let mut pace = Pace::new(Duration::from_millis(100) * slower);
    for (request, wanted) in WRONG.iter().cycle() {
        if !pace.wait(work) {
            return Ok(());
        }
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(request.as_bytes())?;
        let mut head = [0; 12];
        stream
            .read_exact(&mut head)
            .with_context(|| format!("no answer to {request:?}"))?;
        if head != format!("HTTP/1.1 {wanted}").as_bytes() {
            let got = String::from_utf8_lossy(&head).into_owned();
            bail!("{request:?} was answered by {got:?}, not by {wanted}");
        }
        work.count(1);
    }
    Ok(())
}
