//! One scraper, as fast as it goes.

use std::{
    net::SocketAddr,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::http::{Client, Response};

/// `bench:benchmark`.
pub(super) const AUTHORIZATION: &str = "Basic YmVuY2g6YmVuY2htYXJr";

const TEXT: &str = "text/plain";
const OPENMETRICS: &str = "application/openmetrics-text";
/// Formats and encodings that scrapers accept, in turn.
const KINDS: [(&str, bool); 4] = [
    (TEXT, false),
    (TEXT, true),
    (OPENMETRICS, false),
    (OPENMETRICS, true),
];

/// One scraper: the times that its requests took, and what ended it early.
pub(super) struct Scraper(JoinHandle<(Vec<Duration>, Option<anyhow::Error>)>);

impl Scraper {
    pub(super) fn start(number: usize, address: SocketAddr, until: Instant) -> Result<Self> {
        let thread = thread::Builder::new().stack_size(256 * 1024);
        let thread = thread.spawn(move || {
            let mut took = Vec::new();
            let outcome = scrape(number, address, until, &mut took);
            (took, outcome.err())
        });
        Ok(Self(thread.context("cannot start a scraper")?))
    }

    pub(super) fn end(self) -> (Vec<Duration>, Option<anyhow::Error>) {
        let panicked = |_| (Vec::new(), Some(anyhow::anyhow!("a scraper panicked")));
        self.0.join().unwrap_or_else(panicked)
    }
}

fn scrape(
    number: usize,
    address: SocketAddr,
    until: Instant,
    took: &mut Vec<Duration>,
) -> Result<()> {
    let (accept, takes_gzip) = KINDS[number % KINDS.len()];
    let mut headers = vec![("Authorization", AUTHORIZATION), ("Accept", accept)];
    if takes_gzip {
        headers.push(("Accept-Encoding", "gzip"));
    }
    let mut client = Client::connect(address)?;
    while Instant::now() < until {
        let began = Instant::now();
        let response = client
            .get("/metrics", &headers)
            .with_context(|| format!("scraper {number}, request {}", took.len()))?;
        took.push(began.elapsed());
        check(&response, accept, takes_gzip)?;
    }
    Ok(())
}

fn check(response: &Response, accept: &str, takes_gzip: bool) -> Result<()> {
    let Response { body, status, .. } = response;
    if *status != 200 {
        bail!("answered by {status}: {}", String::from_utf8_lossy(body));
    }
    if !response.content_type.starts_with(accept) || response.is_gzip != takes_gzip {
        bail!(
            "{accept} was asked for, gzip {takes_gzip}, and {} given, gzip {}",
            response.content_type,
            response.is_gzip
        );
    }
    let is_whole = match (takes_gzip, accept) {
        (true, _) => body.starts_with(b"\x1f\x8b") && body.len() > 500,
        (false, OPENMETRICS) => body.ends_with(b"# EOF\n"),
        (false, _) => body.len() > 10_000 && body.ends_with(b"\n"),
    };
    if !is_whole {
        bail!(
            "{accept}, gzip {takes_gzip}: {} bytes are not all",
            body.len()
        );
    }
    Ok(())
}
