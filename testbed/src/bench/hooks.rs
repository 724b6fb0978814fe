//! Cost of the hooks: connections and bare system calls with nothing attached, with observer, and
//! with the BCC project's tcpstates and tcplife, in turn; and each hook by the kernel's own count.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::net::sockopt;
use serde::{Deserialize, Serialize};
use xtask::env;

use super::{
    attached::{Absent, Running, TRACE, Tool, tools},
    plan::HookWork,
    stat::rounded,
    stats_on::count_runs,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Hooks {
    pub(super) connections: u32,
    pub(super) calls: u32,
    /// With nothing attached first.
    pub(super) tools: Vec<Cost>,
    pub(super) absent: Vec<Absent>,
    /// With [`TRACE`] attached.
    pub(super) programs: Vec<Program>,
}

/// Nanoseconds for one operation, a round each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cost {
    pub(super) name: String,
    pub(super) connection_ns: Vec<f64>,
    pub(super) call_ns: Vec<f64>,
}

/// A program by the kernel's statistics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) runs: u64,
    pub(super) ns_a_run: f64,
}

pub(super) fn measure(work: &HookWork, observer: &Path) -> Result<Hooks> {
    if work.rounds == 0 {
        bail!("--rounds must be at least 1");
    }
    let (tools, absent) = tools(observer);
    let mut costs: Vec<_> = tools
        .iter()
        .map(|tool| Cost {
            name: tool.name.to_owned(),
            connection_ns: Vec::new(),
            call_ns: Vec::new(),
        })
        .collect();
    // Nobody's first run is slower for being the first.
    connections(work.connections)?;
    calls(work.calls);
    for round in 0..work.rounds {
        eprintln!("testbed: hooks, round {} of {}", round + 1, work.rounds);
        for (tool, cost) in tools.iter().zip(&mut costs) {
            let _running = Running::start(tool)?;
            cost.connection_ns.push(connections(work.connections)?);
            cost.call_ns.push(calls(work.calls));
        }
    }
    let trace = tools.iter().find(|tool| tool.name == TRACE);
    Ok(Hooks {
        connections: work.connections,
        calls: work.calls,
        tools: costs,
        absent,
        programs: programs(work, trace.context("no observer among the tools")?)?,
    })
}

/// Bare system calls.
fn calls(times: u32) -> f64 {
    let begun = Instant::now();
    for _ in 0..times {
        // SAFETY: no arguments, cannot fail.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
    each_ns(begun, times)
}

fn each_ns(begun: Instant, times: u32) -> f64 {
    rounded(begun.elapsed().as_secs_f64() * 1e9 / f64::from(times.max(1)))
}

/// Connects and closes, both ends in this thread; the client resets, so that no port stays in
/// TIME_WAIT.
fn connections(times: u32) -> Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let begun = Instant::now();
    for _ in 0..times {
        let client = TcpStream::connect(address)?;
        let (server, _) = listener.accept()?;
        sockopt::set_socket_linger(&client, Some(Duration::ZERO))?;
        drop(client);
        drop(server);
    }
    Ok(each_ns(begun, times))
}

/// Prefix of the names of observer's hooks.
const HOOKS: [&str; 4] = ["life_", "accept", "set_", "timer_"];

/// Run time of each program by the kernel's statistics.
fn programs(work: &HookWork, observer: &Tool) -> Result<Vec<Program>> {
    let running = Running::start(observer)?;
    let statistics = count_runs()?;
    options(work.connections)?;
    connections(work.connections)?;
    let json = env::stdout(Command::new("bpftool").args(["--json", "prog", "show"]))?;
    drop(statistics);
    // Another observer may run on this host.
    Ok(hooks_of(
        &serde_json::from_str(&json)?,
        &running.program_ids(),
    ))
}

/// Picks the hooks of this observer that ran from what bpftool lists.
fn hooks_of(programs: &serde_json::Value, ids: &[u64]) -> Vec<Program> {
    let all = programs.as_array().into_iter().flatten();
    let programs = all.filter_map(|program| {
        let number = |key| program.get(key)?.as_u64();
        let name = program.get("name")?.as_str()?;
        let runs = number("run_cnt").filter(|runs| *runs > 0)?;
        if !ids.contains(&number("id")?) {
            return None;
        }
        HOOKS
            .iter()
            .any(|prefix| name.starts_with(prefix))
            .then(|| Program {
                name: name.to_owned(),
                runs,
                ns_a_run: rounded(number("run_time_ns").unwrap_or(0) as f64 / runs as f64),
            })
    });
    programs.collect()
}

/// Sets SO_KEEPALIVE as often.
fn options(times: u32) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    for n in 0..times {
        sockopt::set_socket_keepalive(&client, n % 2 == 0)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn observers_hooks_that_ran_are_picked() {
        let listed = json!([
            { "id": 1, "name": "life_state", "run_cnt": 4, "run_time_ns": 1402 },
            { "id": 2, "name": "life_destroy" },
            { "id": 3, "name": "set_enter", "run_cnt": 0, "run_time_ns": 0 },
            { "id": 4, "name": "tcp_life", "run_cnt": 9, "run_time_ns": 9 },
            { "id": 5, "name": "life_state", "run_cnt": 9, "run_time_ns": 9 },
        ]);
        let picked = super::hooks_of(&listed, &[1, 2, 3, 4]);
        let picked: Vec<_> = picked
            .iter()
            .map(|program| (program.name.as_str(), program.runs, program.ns_a_run))
            .collect();
        assert_eq!(picked, [("life_state", 4, 350.5)]);
    }
}
