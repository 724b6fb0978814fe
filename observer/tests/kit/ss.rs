//! Output of `ss -o`, parsed.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

/// The timer that ss shows for a connection.
#[derive(Debug, PartialEq, Eq)]
pub struct SsTimer {
    /// `off` where ss shows none.
    pub kind: String,
    /// Lower end of what the text may mean: ss rounds down.
    pub at_least: Duration,
    /// Room above it.
    pub precision: Duration,
    pub retransmits: u32,
}

/// Asks ss in the network namespace of the calling thread.
pub fn timer(stream: &TcpStream) -> SsTimer {
    let (local, peer) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    let output = Command::new("ss")
        .args(["-tnoH", "sport", "=", &format!(":{}", local.port())])
        .args(["and", "dport", "=", &format!(":{}", peer.port())])
        .output()
        .expect("ss runs; apt-get install iproute2");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .next()
        .unwrap_or_else(|| panic!("ss does not show {local} {peer}"));
    let Some((_, timer)) = line.split_once("timer:(") else {
        return SsTimer {
            kind: "off".into(),
            at_least: Duration::ZERO,
            precision: Duration::ZERO,
            retransmits: 0,
        };
    };
    let timer = timer.split(')').next().unwrap();
    let [kind, time, retransmits] = timer.split(',').collect::<Vec<_>>()[..] else {
        panic!("ss: {timer}");
    };
    let (at_least, precision) = duration(time);
    SsTimer {
        kind: kind.into(),
        at_least,
        precision,
        retransmits: retransmits.parse().unwrap(),
    }
}

/// ss prints `119min`, `1min30sec`, `58sec`, `9.996ms` (which means seconds) or `204ms`.
fn duration(text: &str) -> (Duration, Duration) {
    let (minutes, rest) = text.split_once("min").unwrap_or(("0", text));
    let minutes: u64 = minutes.parse().unwrap();
    if let Some(seconds) = rest.strip_suffix("sec") {
        let seconds: u64 = seconds.parse().unwrap();
        return (
            Duration::from_secs(minutes * 60 + seconds),
            Duration::from_secs(1),
        );
    }
    if let Some(ms) = rest.strip_suffix("ms") {
        let (seconds, ms) = ms.split_once('.').unwrap_or(("0", ms));
        let seconds: u64 = seconds.parse().unwrap();
        let ms: u64 = ms.parse().unwrap();
        return (
            Duration::from_millis(seconds * 1000 + ms),
            Duration::from_millis(1),
        );
    }
    let precision = if minutes > 9 { 60 } else { 1 };
    (
        Duration::from_secs(minutes * 60),
        Duration::from_secs(precision),
    )
}
