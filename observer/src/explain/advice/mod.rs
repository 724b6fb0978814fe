//! The change that would protect the socket, for the program that holds it.

mod compiled;
mod python;
pub mod recognise;
mod runtime;
mod tool;

pub use recognise::ProgramKind;

use super::ExplainFacts;
use crate::model::{Socket, State};
use crate::policy::remedy::{KeepaliveRemedy, KeepaliveValues};
use crate::policy::{Judgement, Remedy};

/// A change to a program, and what its host could do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The program as it was recognised, such as `Python requests`.
    pub program: String,
    /// Where the change goes and what it does, for people.
    pub how: String,
    /// Code or command to write.
    pub snippet: String,
    /// Sysctls of the socket's network namespace, which hold for sockets without values of their
    /// own.
    pub sysctls: [(&'static str, u64); 3],
    /// `true` where they alone would protect the program's next connections: it sets SO_KEEPALIVE, and
    /// leaves what is to be changed to them. `None` where that is not known.
    pub sysctls_suffice: Option<bool>,
    /// The command that sets them there.
    pub sysctl_command: String,
}

/// The change for a socket; `None` where it needs none.
#[must_use]
pub fn change(socket: &Socket, judgement: &Judgement, facts: &ExplainFacts) -> Option<Change> {
    let remedy = Remedy::of(socket, judgement).keepalive;
    let changes = remedy.changes()?;
    let is_orphan = matches!(socket.state, State::FinWait1 | State::FinWait2);
    if is_orphan && socket.owners.is_empty() {
        return None;
    }
    let kind = facts
        .program
        .as_ref()
        .map_or(ProgramKind::Other, |program| {
            ProgramKind::of(program, socket.remote.port())
        });
    let advice = advice(&kind, changes.values);
    let (how, sysctls_suffice) = match remedy {
        KeepaliveRemedy::LimitTooShort(_) => {
            (format!("{LIMIT_TOO_SHORT} {}", advice.how), Some(false))
        }
        _ => (advice.how, changes.sysctls_suffice(&socket.keepalive)),
    };
    let sysctls = changes.values.sysctls();
    Some(Change {
        program: kind.name(),
        how,
        snippet: advice.snippet,
        sysctls,
        sysctls_suffice,
        sysctl_command: sysctl_command(&sysctls, facts),
    })
}

const LIMIT_TOO_SHORT: &str = "Keepalive times count whole seconds, and none is below a limit this short: send data more often than that, or have the path remember longer. The shortest times there are:";

/// Advice for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Where it goes and what it does.
    pub how: String,
    /// Code or command to write.
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

/// Advice for a program of this kind.
#[must_use]
pub fn advice(kind: &ProgramKind, values: KeepaliveValues) -> Advice {
    match kind {
        ProgramKind::Curl => tool::curl(values),
        ProgramKind::Wget => tool::wget(values),
        ProgramKind::Libpq => tool::libpq(values),
        ProgramKind::Python(library) => python::advice(*library, values),
        ProgramKind::Go { version } => runtime::go(*version, values),
        ProgramKind::Java => runtime::java(values),
        ProgramKind::Node => runtime::node(values),
        ProgramKind::DotNet => runtime::dotnet(values),
        ProgramKind::Libcurl => compiled::libcurl(values),
        ProgramKind::Rust => compiled::rust(values),
        ProgramKind::Other => compiled::c(values),
    }
}

/// Set in the namespace of the socket: a container does not inherit the host's.
fn sysctl_command(sysctls: &[(&str, u64)], facts: &ExplainFacts) -> String {
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
