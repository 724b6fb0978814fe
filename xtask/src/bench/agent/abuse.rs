//! Clients that mean no good: each is turned away, and leaves nothing behind.

use std::{
    net::SocketAddr,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    bad_clients::{
        CROWD, GARBAGE, HUGE, SLOW, WRONG_PASSWORDS, crowd, garbage, huge, slow, wrong_passwords,
    },
    goal::Goal,
    running::Agent,
};

/// The server takes no more at once.
const MOST_CONNECTIONS: usize = 512;
const MOST_GROWTH_MIB: f64 = 8.0;
/// How long one who may ask waits meanwhile.
const MOST_WAIT_MS: f64 = 1000.0;
const SETTLE: Duration = Duration::from_secs(8);

/// Something that clients do, and that must disturb no other.
struct Abuse {
    name: &'static str,
    count: usize,
    /// Gives how many were turned away.
    client: fn(SocketAddr) -> Result<usize>,
}

const ABUSES: [Abuse; 4] = [
    Abuse {
        name: "headers byte by byte",
        count: SLOW,
        client: slow,
    },
    Abuse {
        name: "headers of 10 MiB",
        count: HUGE,
        client: huge,
    },
    Abuse {
        name: "times garbage",
        count: GARBAGE,
        client: garbage,
    },
    Abuse {
        name: "wrong passwords",
        count: WRONG_PASSWORDS,
        client: wrong_passwords,
    },
];

impl Abuse {
    /// How many were turned away, and the longest that a good scrape took meanwhile.
    fn commit(&self, agent: &Agent) -> Result<(usize, f64)> {
        let (client, address) = (self.client, agent.address);
        let abusing = thread::spawn(move || client(address));
        let mut slowest_ms = 0.0_f64;
        while !abusing.is_finished() {
            let began = Instant::now();
            let answered = agent.metrics();
            answered.with_context(|| format!("a scrape during {}", self.name))?;
            slowest_ms = slowest_ms.max(began.elapsed().as_secs_f64() * 1e3);
            sleep(Duration::from_millis(20));
        }
        let turned_away = abusing.join();
        let panicked = |_| Err(anyhow::anyhow!("{} panicked", self.name));
        Ok((turned_away.unwrap_or_else(panicked)?, slowest_ms))
    }
}

pub(super) fn measure(agent: &Agent) -> Result<Vec<Goal>> {
    eprintln!("xtask: abuse");
    let before = agent.settled_usage()?;
    println!("\n| abuse | turned away | the slowest good scrape meanwhile |\n|---|---:|---:|");
    let mut goals = Vec::new();
    for abuse in &ABUSES {
        let (turned_away, slowest_ms) = abuse.commit(agent)?;
        println!(
            "| {} {} | {turned_away} | {slowest_ms:.0} ms |",
            abuse.count, abuse.name
        );
        goals.push(Goal::at_least(
            format!("{}: turned away", abuse.name),
            turned_away as f64,
            abuse.count as f64,
            "",
        ));
        goals.push(Goal::at_most(
            format!("{}: a good scrape", abuse.name),
            slowest_ms,
            MOST_WAIT_MS,
            "ms",
        ));
    }
    let closed = crowd(agent.address)?;
    println!("| {CROWD} connections at once | {closed} | |");
    goals.push(Goal::at_least(
        "connections at once: closed",
        closed as f64,
        (CROWD - MOST_CONNECTIONS) as f64,
        "",
    ));
    sleep(SETTLE);
    let after = agent.settled_usage()?;
    println!(
        "\nRSS {:.1} MiB before, {:.1} MiB after; descriptors {} and {}",
        before.rss_mib(),
        after.rss_mib(),
        before.fds,
        after.fds
    );
    goals.push(Goal::at_most(
        "RSS after abuse less RSS before",
        after.rss_mib() - before.rss_mib(),
        MOST_GROWTH_MIB,
        "MiB",
    ));
    goals.push(Goal::exactly(
        "descriptors after abuse",
        after.fds,
        before.fds,
    ));
    Ok(goals)
}
