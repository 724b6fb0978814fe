//! Connections a second that can come and go: with nothing attached, with observer, and with the tools
//! that people use today.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use rustix::net::sockopt;
use serde::{Deserialize, Serialize};

use super::{
    attached::{Absent, Running, Tool, tools},
    host::cpus,
    plan::Plan,
    stat::rounded,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Churn {
    /// Duration of each, in each round.
    pub(super) seconds: u64,
    /// Threads that made connections.
    pub(super) threads: usize,
    /// With nothing attached first.
    pub(super) tools: Vec<Rates>,
    pub(super) absent: Vec<Absent>,
}

/// A round each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rates {
    pub(super) name: String,
    /// Connections made and closed a second.
    pub(super) a_second: Vec<f64>,
    /// CPU time of the tool itself, in hundredths of one CPU; empty where nothing is attached.
    pub(super) cpu_percent: Vec<f64>,
}

pub(super) fn measure(plan: &Plan, observer: &Path) -> Result<Churn> {
    let (tools, absent) = tools(observer);
    let mut all: Vec<_> = tools
        .iter()
        .map(|tool| Rates {
            name: tool.name.to_owned(),
            a_second: Vec::new(),
            cpu_percent: Vec::new(),
        })
        .collect();
    // Nobody's first run is slower for being the first.
    on_all_cpus(Instant::now() + Duration::from_secs(1))?;
    for round in 0..plan.rounds {
        eprintln!("testbed: churn, round {} of {}", round + 1, plan.rounds);
        for (tool, rates) in tools.iter().zip(&mut all) {
            add_round(tool, rates, Duration::from_secs(plan.churn_seconds))?;
        }
    }
    Ok(Churn {
        seconds: plan.churn_seconds,
        threads: cpus(),
        tools: all,
        absent,
    })
}

fn add_round(tool: &Tool, rates: &mut Rates, lasts: Duration) -> Result<()> {
    let running = Running::start(tool)?;
    let before_s = running.cpu_s()?;
    let began = Instant::now();
    let made = on_all_cpus(began + lasts)?;
    let took_s = began.elapsed().as_secs_f64();
    rates.a_second.push(rounded(made as f64 / took_s));
    if let (Some(before_s), Some(after_s)) = (before_s, running.cpu_s()?) {
        let percent = 100.0 * (after_s - before_s) / took_s;
        rates.cpu_percent.push(rounded(percent));
    }
    Ok(())
}

/// Makes connections on every CPU until then, and returns their number.
pub(super) fn on_all_cpus(until: Instant) -> Result<u64> {
    let churning: Vec<_> = (0..cpus())
        .map(|_| thread::spawn(move || churn(until)))
        .collect();
    let mut made = 0;
    for thread in churning {
        match thread.join() {
            Ok(connections) => made += connections?,
            Err(_) => bail!("a thread that made connections panicked"),
        }
    }
    Ok(made)
}

/// Makes connections with keepalive and ends them by a reset, so that no port stays in TIME_WAIT.
fn churn(until: Instant) -> Result<u64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut made = 0;
    while Instant::now() < until {
        let client = TcpStream::connect(address)?;
        let (server, _) = listener.accept()?;
        sockopt::set_socket_keepalive(&client, true)?;
        sockopt::set_socket_linger(&client, Some(Duration::ZERO))?;
        drop((client, server));
        made += 1;
    }
    Ok(made)
}
