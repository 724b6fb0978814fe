//! The ladder of limits: how long each layer waits, as it stands for this socket.

mod lookup;
mod tcp;

use super::Facts;
use crate::model::Socket;
use crate::policy::Judgement;
use crate::text::quantity;

pub(super) use tcp::retransmission;

/// A layer that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RungName {
    /// Looking the peer's name up.
    Lookup,
    /// SYNs without an answer.
    Connect,
    /// Data without an acknowledgement.
    Write,
    /// A read without data.
    Read,
    /// A silent connection whose peer is gone.
    Keepalive,
    /// A middlebox that remembers a silent connection.
    Path,
    /// One request, from the lookup to the first byte of the answer.
    Total,
}

impl RungName {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Connect => "connect",
            Self::Write => "write",
            Self::Read => "read",
            Self::Keepalive => "keepalive",
            Self::Path => "path",
            Self::Total => "total",
        }
    }
}

/// How long a layer waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most so many milliseconds.
    Ms(u64),
    /// For ever.
    Unlimited,
    /// It cannot be told.
    Unknown,
    /// This socket has no such wait.
    NotApplicable,
}

/// One rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// The layer.
    pub name: RungName,
    /// How long it waits.
    pub limit: Limit,
    /// The option, sysctl or file that says so.
    pub from: String,
    /// How it comes about, for people.
    pub detail: String,
}

impl Rung {
    fn new(
        name: RungName,
        limit: Limit,
        from: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            name,
            limit,
            from: from.into(),
            detail: detail.into(),
        }
    }
}

/// Every rung, in the order in which a request meets them.
#[must_use]
pub fn ladder(socket: &Socket, judgement: &Judgement, facts: &Facts) -> Vec<Rung> {
    let mut ladder = vec![
        lookup::lookup(facts),
        tcp::connect(socket, facts),
        tcp::write(socket, facts),
        tcp::read(facts),
        tcp::keepalive(socket),
        path(judgement),
    ];
    ladder.push(total(&ladder, socket));
    ladder
}

const ACCEPTED: &str = "this end does not connect: a listener holds its port";
fn path(judgement: &Judgement) -> Rung {
    let from = &*judgement.path.from;
    match judgement.path.limit_s {
        Some(limit_s) => Rung::new(
            RungName::Path,
            Limit::Ms(limit_s.saturating_mul(1000)),
            from,
            "of silence, then the connection is forgotten and nobody is told",
        ),
        None => Rung::new(
            RungName::Path,
            Limit::Unlimited,
            from,
            "no middlebox forgets the connection",
        ),
    }
}

/// One request: what is waited for one after the other.
fn total(ladder: &[Rung], socket: &Socket) -> Rung {
    let waits = [
        RungName::Lookup,
        RungName::Connect,
        RungName::Write,
        RungName::Read,
    ];
    let waits = || ladder.iter().filter(|rung| waits.contains(&rung.name));
    let names = |limit| -> Vec<&str> {
        waits()
            .filter(|rung| rung.limit == limit)
            .map(|rung| rung.name.name())
            .collect()
    };
    let (unlimited, unknown) = (names(Limit::Unlimited), names(Limit::Unknown));
    if !unlimited.is_empty() {
        let dead = match (socket.keepalive.enabled, socket.keepalive.detect_s()) {
            (Some(true), Some(detect_s)) => {
                let detect = quantity::time(detect_s.saturating_mul(1000));
                format!(
                    "keepalive ends it {detect} after the peer was last heard, if the peer or the path is gone; a peer that lives may take for ever"
                )
            }
            (Some(false), _) => {
                "as far as the kernel goes, not even a peer that is gone ends it".to_owned()
            }
            _ => "whether keepalive ends it when the peer is gone is not known".to_owned(),
        };
        let detail = format!("{} has no limit; {dead}", unlimited.join(" and "));
        return Rung::new(RungName::Total, Limit::Unlimited, "", detail);
    }
    if !unknown.is_empty() {
        let detail = format!("not known: {}", unknown.join(", "));
        return Rung::new(RungName::Total, Limit::Unknown, "", detail);
    }
    let ms = waits().fold(0_u64, |sum, rung| match rung.limit {
        Limit::Ms(ms) => sum.saturating_add(ms),
        _ => sum,
    });
    Rung::new(
        RungName::Total,
        Limit::Ms(ms),
        "",
        "to the first byte of the answer; only a deadline in the program bounds the whole",
    )
}

#[cfg(test)]
#[path = "tests.rs"]
pub(super) mod tests;
