//! The lab's Rust client: reqwest.

use std::time::Duration;

use anyhow::Result;
use reqwest::blocking::Client;

#[derive(clap::Args)]
pub(super) struct ReqwestArgs {
    url: String,
    /// `tcp_keepalive` and `tcp_keepalive_interval`, in seconds, instead of reqwest's own
    #[arg(long)]
    keepalive: Option<u64>,
}

/// Fetches a page without a time limit, and prints it.
pub(super) fn fetch(args: &ReqwestArgs) -> Result<()> {
    let mut client = Client::builder().timeout(None);
    if let Some(seconds) = args.keepalive {
        let every = Duration::from_secs(seconds);
        client = client.tcp_keepalive(every).tcp_keepalive_interval(every);
    }
    let answer = client.build()?.get(&args.url).send()?;
    print!("{}", answer.text()?);
    Ok(())
}
