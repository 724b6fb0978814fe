//! Judges sockets: how long their path remembers them, whether they outlive it, which of them the
//! user asked for. Pure functions; nothing here touches the host.

pub mod cidr;
pub mod counts;
pub mod forecast;
pub mod health;
pub mod path;
pub mod profile;
pub mod reason;
pub mod remedy;
pub mod segments;
pub mod select;
pub mod snapshot;
pub mod span;
pub mod verdict;

pub use health::Health;
pub use path::{PathLimit, PathPolicy};
pub use reason::{Reason, Reasons};
pub use remedy::Remedy;
pub use segments::Segments;
pub use select::Selection;
pub use snapshot::HostSnapshot;
pub use verdict::Verdict;

use std::borrow::Borrow;

use crate::model::Socket;

/// Rules by which sockets are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The limit on the way to each peer.
    pub path: PathPolicy,
    /// Share of the path limit from which silence is a risk.
    pub at_risk: f64,
}

/// The share of the path limit from which silence is a risk, unless configured.
pub const DEFAULT_AT_RISK: f64 = 0.5;

impl Default for Policy {
    fn default() -> Self {
        Self {
            path: PathPolicy::default(),
            at_risk: DEFAULT_AT_RISK,
        }
    }
}

impl Policy {
    /// Judges one socket.
    #[must_use]
    pub fn judge(&self, socket: &Socket) -> Judgement {
        let path = self.path.limit_for(socket);
        let verdict = Verdict::of(socket, &path);
        Judgement {
            verdict,
            health: Health::of(socket, verdict, &path, self.at_risk),
            reasons: Reasons::of(socket, &path),
            path,
        }
    }
}

/// Judgement of one socket by a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The limit on the way to its peer.
    pub path: PathLimit,
    /// `None` where a value that decides is unknown.
    pub verdict: Option<Verdict>,
    /// `None` where a value that decides is unknown.
    pub health: Option<Health>,
    /// Why, and what else its owner should know.
    pub reasons: Reasons,
}

/// A socket with its judgement: one that is kept, or, as a [`JudgedRef`], one that is
/// only looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged<S = Socket> {
    /// The socket.
    pub socket: S,
    /// Its judgement by the policy.
    pub judgement: Judgement,
}

/// A socket that is looked at, with its judgement.
pub type JudgedRef<'a> = Judged<&'a Socket>;

impl<S: Borrow<Socket>> Judged<S> {
    /// Judges a socket.
    #[must_use]
    pub fn by(policy: &Policy, socket: S) -> Self {
        let judgement = policy.judge(socket.borrow());
        Self { socket, judgement }
    }

    /// The same, borrowed.
    #[must_use]
    pub fn by_ref(&self) -> JudgedRef<'_> {
        Judged {
            socket: self.socket.borrow(),
            judgement: self.judgement.clone(),
        }
    }
}
