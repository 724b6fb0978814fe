//! Explains one socket: how long each layer waits as it stands, what will happen, what to change in
//! its program.
//!
//! [`gather`] reads the host, [`explain`] is pure: facts in, explanation out.

pub mod advice;
pub mod facts;
mod gather;
pub mod layers;
pub mod outcome;
pub mod report;
pub mod timeouts;

pub use advice::Change;
pub use facts::ExplainFacts;
pub use gather::{gather, is_accepted};
pub use layers::{Layer, LayerLimit, LayerName};
pub use outcome::{Outcome, OutcomeKind};

use crate::model::Socket;
use crate::policy::Judgement;

/// Explanation of one socket. Texts may quote foreign names: escape them to print them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Longest wait of each layer, in the order in which a request meets them; the total last.
    pub layers: Vec<Layer>,
    /// Prediction.
    pub outcome: Outcome,
    /// Change that would protect it; `None` where nothing needs to be: protected and exempt sockets.
    pub change: Option<Change>,
}

/// Explains a socket by what was found out about it.
#[must_use]
pub fn explain(socket: &Socket, judgement: &Judgement, facts: &ExplainFacts) -> Explanation {
    Explanation {
        layers: layers::layers(socket, judgement, facts),
        outcome: outcome::outcome(socket, judgement, facts),
        change: advice::change(socket, judgement, facts),
    }
}
