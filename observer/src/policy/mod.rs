//! Judges sockets: how long their path remembers them, whether they outlive it, which of them the
//! user asked for. Pure functions; nothing here touches the host.

pub mod cidr;
pub mod path;
pub mod picture;
pub mod profile;
pub mod segments;
pub mod select;
pub mod span;
#[cfg(test)]
pub(crate) mod testing;
pub mod verdict;

pub use path::{PathLimit, PathPolicy};
pub use picture::Picture;
pub use segments::Segments;
pub use select::Selection;
pub use verdict::{Health, Reason, Reasons, Verdict};

use crate::model::Socket;

/// What sockets are judged by.
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
    /// Judges one socket. Whether its peer keeps it alive takes two scans to tell; after one,
    /// `peer_keeps_alive` is `false`.
    #[must_use]
    pub fn judge(&self, socket: &Socket, peer_keeps_alive: bool) -> Judgement<'_> {
        let path = self.path.limit_for(socket);
        let verdict = Verdict::of(socket, path.limit_s);
        Judgement {
            path,
            verdict,
            health: Health::of(
                socket,
                verdict,
                path.limit_s,
                self.at_risk,
                peer_keeps_alive,
            ),
            reasons: Reasons::of(socket, path.limit_s, peer_keeps_alive),
        }
    }
}

/// What the policy says about one socket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement<'a> {
    /// The limit on the way to its peer.
    pub path: PathLimit<'a>,
    /// `None` where a value that decides is unknown.
    pub verdict: Option<Verdict>,
    /// `None` where a value that decides is unknown.
    pub health: Option<Health>,
    /// Why, and what else its owner should know.
    pub reasons: Reasons,
}

/// A socket with its judgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged<'a> {
    /// The socket.
    pub socket: &'a Socket,
    /// What the policy says about it.
    pub judgement: Judgement<'a>,
}
