//! The change that would protect the socket, for the program that holds it.

mod compiled;
mod python;
pub mod recognise;
mod runtime;
mod tool;

pub use recognise::Kind;

use super::Facts;
use crate::model::{Keepalive, SettingFrom, Socket, State};
use crate::policy::{Judgement, Verdict};

/// Keepalive values that protect a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Values {
    /// Silence before the first probe, in seconds.
    pub idle_s: u64,
    /// Time between probes, in seconds.
    pub interval_s: u64,
    /// Unanswered probes before the connection is given up.
    pub probes: u64,
}

/// What is advised for most paths: three probes fit into the shortest limit of the profiles.
const USUAL_IDLE_S: u64 = 60;

impl Values {
    /// For a path that forgets after so many seconds: the first probe leaves at half of it at the
    /// latest, so that one may be lost.
    #[must_use]
    pub fn for_limit(limit_s: Option<u64>) -> Self {
        let half_s = limit_s.map_or(USUAL_IDLE_S, |limit_s| limit_s / 2);
        let idle_s = match half_s {
            USUAL_IDLE_S.. => USUAL_IDLE_S,
            10.. => half_s / 5 * 5,
            _ => half_s.max(1),
        };
        Self {
            idle_s,
            interval_s: (idle_s / 4).max(1),
            probes: 4,
        }
    }
}

/// A change to a program, and what its host could do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The program as it was recognised, such as `Python requests`.
    pub program: String,
    /// Where the change goes and what it does, for people.
    pub how: String,
    /// What to write.
    pub snippet: String,
    /// Sysctls of the socket's network namespace, which hold for sockets without values of their
    /// own.
    pub sysctls: [(&'static str, u64); 3],
    /// Whether they alone would protect the program's next connections: it sets SO_KEEPALIVE, and
    /// no idle time of its own. `None` where that is not known.
    pub sysctls_suffice: Option<bool>,
    /// The command that sets them there.
    pub sysctl_command: String,
}

/// The change for a socket; `None` where it needs none.
#[must_use]
pub fn change(socket: &Socket, judgement: &Judgement, facts: &Facts) -> Option<Change> {
    if !matches!(
        judgement.verdict,
        None | Some(Verdict::Unprotected | Verdict::Late)
    ) {
        return None;
    }
    let is_orphan = matches!(socket.state, State::FinWait1 | State::FinWait2);
    if is_orphan && socket.owners.is_empty() {
        return None;
    }
    let values = Values::for_limit(judgement.path.limit_s);
    let kind = facts.program.as_ref().map_or(Kind::Other, |program| {
        Kind::of(program, socket.remote.port())
    });
    let advice = advice(&kind, values);
    let sysctls = [
        ("net.ipv4.tcp_keepalive_time", values.idle_s),
        ("net.ipv4.tcp_keepalive_intvl", values.interval_s),
        ("net.ipv4.tcp_keepalive_probes", values.probes),
    ];
    Some(Change {
        program: kind.name(),
        how: advice.how,
        snippet: advice.snippet,
        sysctls,
        sysctls_suffice: sysctls_suffice(&socket.keepalive),
        sysctl_command: sysctl_command(&sysctls, facts),
    })
}

/// What to tell a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Where it goes and what it does.
    pub how: String,
    /// What to write.
    pub snippet: String,
}

impl Advice {
    fn new(how: &str, snippet: String) -> Self {
        Self {
            how: how.to_owned(),
            snippet,
        }
    }
}

/// What to tell a program of this kind.
#[must_use]
pub fn advice(kind: &Kind, values: Values) -> Advice {
    match kind {
        Kind::Curl => tool::curl(values),
        Kind::Wget => tool::wget(values),
        Kind::Libpq => tool::libpq(values),
        Kind::Python(library) => python::advice(*library, values),
        Kind::Go { version } => runtime::go(*version, values),
        Kind::Java => runtime::java(values),
        Kind::Node => runtime::node(values),
        Kind::DotNet => runtime::dotnet(values),
        Kind::Libcurl => compiled::libcurl(values),
        Kind::Rust => compiled::rust(values),
        Kind::Other => compiled::c(values),
    }
}

fn sysctls_suffice(keepalive: &Keepalive) -> Option<bool> {
    if !keepalive.enabled? {
        return Some(false);
    }
    Some(keepalive.idle.from? == SettingFrom::Sysctl)
}

/// Set in the namespace of the socket: a container does not inherit the host's.
fn sysctl_command(sysctls: &[(&str, u64)], facts: &Facts) -> String {
    let assignments: Vec<String> = sysctls
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let set = format!("sysctl -w {}", assignments.join(" "));
    match (facts.own_netns, facts.netns_pid) {
        (Some(false), Some(pid)) => format!("nsenter -t {pid} -n {set}"),
        // Only a mount keeps it, such as one of `ip netns`.
        (Some(false), None) => format!("nsenter --net=FILE {set}"),
        (Some(true) | None, _) => set,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
