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
    usage::Usage,
};

/// The server takes no more at once.
const MOST_CONNECTIONS: usize = 512;
const MOST_GROWTH_MIB: f64 = 2.0;
/// Longest wait of a good scrape meanwhile.
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
    /// Number of those turned away, and the longest that a good scrape took meanwhile.
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

const ROUNDS: usize = 5;
/// The first rounds leave buffers behind that the next ones use again.
const WARM_UP: usize = 2;

pub(super) fn measure(agent: &Agent) -> Result<Vec<Goal>> {
    let mut usages = vec![agent.settled_usage()?];
    let mut worst = ABUSES.map(|abuse| (abuse.count, 0.0_f64));
    let mut fewest_closed = CROWD;
    for round in 1..=ROUNDS {
        eprintln!("testbed: abuse, round {round} of {ROUNDS}");
        for (abuse, (fewest, slowest_ms)) in ABUSES.iter().zip(&mut worst) {
            let (turned_away, took_ms) = abuse.commit(agent)?;
            *fewest = turned_away.min(*fewest);
            *slowest_ms = slowest_ms.max(took_ms);
        }
        fewest_closed = crowd(agent.address)?.min(fewest_closed);
        sleep(SETTLE);
        usages.push(agent.settled_usage()?);
    }
    print(&worst, fewest_closed, &usages);
    Ok(goals(&worst, fewest_closed, &usages))
}

fn print(worst: &[(usize, f64)], fewest_closed: usize, usages: &[Usage]) {
    println!("\n| abuse, the worst of {ROUNDS} rounds | turned away | the slowest good scrape |");
    println!("|---|---:|---:|");
    for (abuse, (turned_away, slowest_ms)) in ABUSES.iter().zip(worst) {
        println!(
            "| {} {} | {turned_away} | {slowest_ms:.0} ms |",
            abuse.count, abuse.name
        );
    }
    println!("| {CROWD} connections at once | {fewest_closed} | |");
    let each = |of: fn(&Usage) -> String| usages.iter().map(of).collect::<Vec<_>>().join(", ");
    println!(
        "\nBefore and after each round: RSS {} MiB; descriptors {}",
        each(|usage| format!("{:.1}", usage.rss_mib())),
        each(|usage| usage.fds.to_string())
    );
}

fn goals(worst: &[(usize, f64)], fewest_closed: usize, usages: &[Usage]) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (abuse, (turned_away, slowest_ms)) in ABUSES.iter().zip(worst) {
        let Abuse { name, count, .. } = abuse;
        let name = |what| format!("{name}: {what}");
        goals.push(Goal::exactly(name("turned away"), *turned_away, *count));
        goals.push(Goal::at_most(
            name("a good scrape"),
            *slowest_ms,
            MOST_WAIT_MS,
            "ms",
        ));
    }
    let least = (CROWD - MOST_CONNECTIONS) as f64;
    let name = "connections at once: closed";
    goals.push(Goal::at_least(name, fewest_closed as f64, least, ""));
    if let ([before, .., last], Some(warm)) = (usages, usages.get(WARM_UP)) {
        goals.push(Goal::at_most(
            format!("RSS after abuse less that after {WARM_UP} of {ROUNDS} rounds"),
            last.rss_mib() - warm.rss_mib(),
            MOST_GROWTH_MIB,
            "MiB",
        ));
        goals.push(Goal::exactly(
            "descriptors after abuse",
            last.fds,
            before.fds,
        ));
    }
    goals
}
