//! The lab's Rust client: fetches a page by reqwest without a time limit, and prints it.
//!
//! `reqwest_client URL [KEEPALIVE]`: seconds for `tcp_keepalive` and `tcp_keepalive_interval`, instead
//! of reqwest's own. A program of its own, so that xtask is built without reqwest.

use std::{env::args, time::Duration};

use anyhow::{Context as _, Result};
use reqwest::blocking::Client;

fn main() -> Result<()> {
    let mut words = args().skip(1);
    let url = words
        .next()
        .context("usage: reqwest_client URL [SECONDS]")?;
    let mut client = Client::builder().timeout(None);
    if let Some(seconds) = words.next() {
        let every = Duration::from_secs(seconds.parse().context("SECONDS must be a number")?);
        client = client.tcp_keepalive(every).tcp_keepalive_interval(every);
    }
    let answer = client.build()?.get(url).send()?;
    print!("{}", answer.text()?);
    Ok(())
}
