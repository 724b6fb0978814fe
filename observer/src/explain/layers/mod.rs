//! Layers that a request meets, each with its longest wait as it stands for this socket.

mod lookup;
mod tcp;

use super::ExplainFacts;
use crate::model::Socket;
use crate::policy::Judgement;
use crate::text::quantity;

pub(super) use tcp::retransmission;

/// A layer that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerName {
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

impl LayerName {
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

/// Longest wait of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerLimit {
    /// At most so many milliseconds.
    Ms(u64),
    /// For ever.
    Unlimited,
    /// It cannot be told.
    Unknown,
    /// This socket has no such wait.
    NotApplicable,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The layer.
    pub name: LayerName,
    /// Its longest wait.
    pub limit: LayerLimit,
    /// The option, sysctl or file that says so.
    pub from: String,
    /// Explanation for people.
    pub detail: String,
}

impl Layer {
    fn new(
        name: LayerName,
        limit: LayerLimit,
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

/// Every layer, in the order in which a request meets them.
#[must_use]
pub fn layers(socket: &Socket, judgement: &Judgement, facts: &ExplainFacts) -> Vec<Layer> {
    let mut layers = vec![
        lookup::lookup(facts),
        tcp::connect(socket, facts),
        tcp::write(socket, facts),
        tcp::read(facts),
        tcp::keepalive(socket),
        path(judgement),
    ];
    layers.push(total(&layers, socket));
    layers
}

const ACCEPTED: &str = "this end does not connect: a listener holds its port";
fn path(judgement: &Judgement) -> Layer {
    let from = &*judgement.path.from;
    match judgement.path.limit_s {
        Some(limit_s) => Layer::new(
            LayerName::Path,
            LayerLimit::Ms(limit_s.saturating_mul(1000)),
            from,
            "of silence, then the connection is forgotten and nobody is told",
        ),
        None => Layer::new(
            LayerName::Path,
            LayerLimit::Unlimited,
            from,
            "no middlebox forgets the connection",
        ),
    }
}

/// One request: what is waited for one after the other.
fn total(layers: &[Layer], socket: &Socket) -> Layer {
    let waits = [
        LayerName::Lookup,
        LayerName::Connect,
        LayerName::Write,
        LayerName::Read,
    ];
    let waits = || layers.iter().filter(|layer| waits.contains(&layer.name));
    let names = |limit| -> Vec<&str> {
        waits()
            .filter(|layer| layer.limit == limit)
            .map(|layer| layer.name.name())
            .collect()
    };
    let (unlimited, unknown) = (names(LayerLimit::Unlimited), names(LayerLimit::Unknown));
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
        return Layer::new(LayerName::Total, LayerLimit::Unlimited, "", detail);
    }
    if !unknown.is_empty() {
        let detail = format!("not known: {}", unknown.join(", "));
        return Layer::new(LayerName::Total, LayerLimit::Unknown, "", detail);
    }
    let ms = waits().fold(0_u64, |sum, layer| match layer.limit {
        LayerLimit::Ms(ms) => sum.saturating_add(ms),
        _ => sum,
    });
    Layer::new(
        LayerName::Total,
        LayerLimit::Ms(ms),
        "",
        "to the first byte of the answer; only a deadline in the program bounds the whole",
    )
}

#[cfg(test)]
#[path = "tests.rs"]
pub(super) mod tests;
