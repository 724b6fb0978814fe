//! View of a snapshot: the sockets that are shown, in their order.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::snapshot::{JudgedCounts, Snapshot};
use crate::policy::{JudgedRef, Selection, Verdict};
use crate::render::order::{self, SortOrder};
use crate::text::escape;

/// Property that sockets are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouping {
    /// By the first owner's process id.
    Process,
    /// By systemd unit or control group.
    Unit,
    /// By remote address and port.
    Remote,
}

impl Grouping {
    /// The next on the key `g`; `None` shows single sockets.
    #[must_use]
    pub(super) const fn next(this: Option<Self>) -> Option<Self> {
        match this {
            None => Some(Self::Process),
            Some(Self::Process) => Some(Self::Unit),
            Some(Self::Unit) => Some(Self::Remote),
            Some(Self::Remote) => None,
        }
    }

    /// For the screen.
    #[must_use]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Unit => "unit",
            Self::Remote => "remote",
        }
    }

    /// The name of the group that a socket is in, escaped.
    #[must_use]
    pub(super) fn key(self, judged: &JudgedRef<'_>) -> String {
        let socket = judged.socket;
        match self {
            Self::Process => match socket.owners.first() {
                Some(owner) => format!("{}/{}", owner.pid, escape::text(owner.comm.as_bytes())),
                None if socket.kernel_owned == Some(true) => "kernel".to_owned(),
                None => "?".to_owned(),
            },
            Self::Unit => socket.cgroup.as_deref().map_or_else(
                || "?".to_owned(),
                |cgroup| {
                    let name = cgroup.unit.as_deref().unwrap_or(&cgroup.path);
                    escape::text(name.as_bytes())
                },
            ),
            Self::Remote => socket.remote.to_string(),
        }
    }
}

/// Several sockets in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SocketGroup {
    /// Name that they have in common, escaped.
    pub key: String,
    /// The most dangerous of them: its place in the snapshot.
    pub worst: usize,
    /// Numbers by verdict and health.
    pub counts: JudgedCounts,
    /// Number in all.
    pub sockets: usize,
    /// The longest silence, in milliseconds.
    pub quiet_ms: Option<u64>,
}

/// The lines of the middle part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View {
    /// Places in the snapshot, sorted.
    pub sockets: Vec<usize>,
    /// Groups, one a line, the most dangerous first; `None` where single sockets are shown.
    pub groups: Option<Vec<SocketGroup>>,
}

/// Options that the user chose.
#[derive(Debug, Clone)]
pub(super) struct ViewOptions {
    /// Which sockets.
    pub selection: Selection,
    /// In which order.
    pub order: SortOrder,
    /// Grouping; `None` for single sockets.
    pub grouping: Option<Grouping>,
    /// One group alone: what it is grouped by, and its name.
    pub within: Option<(Grouping, String)>,
}

impl View {
    /// Selects, sorts and groups.
    #[must_use]
    pub(super) fn of(snapshot: &Snapshot, choice: &ViewOptions) -> Self {
        let is_within = |judged: &JudgedRef<'_>| match &choice.within {
            Some((grouping, key)) => grouping.key(judged) == *key,
            None => true,
        };
        let mut chosen: Vec<(usize, JudgedRef<'_>)> = (0..snapshot.sockets.len())
            .filter_map(|at| Some((at, snapshot.judged(at)?)))
            .filter(|(_, judged)| {
                choice.selection.matches_socket(judged.socket)
                    && choice.selection.matches_judgement(&judged.judgement)
                    && is_within(judged)
            })
            .collect();
        let grouping = choice.grouping.filter(|_| choice.within.is_none());
        let order = if grouping.is_some() {
            SortOrder::Danger
        } else {
            choice.order
        };
        order::sort_by(&mut chosen, order, |(_, judged)| {
            (judged.socket, &judged.judgement)
        });
        Self {
            groups: grouping.map(|grouping| groups(&chosen, grouping)),
            sockets: chosen.into_iter().map(|(at, _)| at).collect(),
        }
    }

    /// Number of lines.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.groups.as_ref().map_or(self.sockets.len(), Vec::len)
    }

    /// True where there is none.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The sockets come sorted by danger: the first of a group is its worst, and groups stay in the
/// order of their worst.
fn groups(sockets: &[(usize, JudgedRef<'_>)], grouping: Grouping) -> Vec<SocketGroup> {
    let mut groups: Vec<SocketGroup> = Vec::new();
    let mut places: HashMap<String, usize, FxBuildHasher> = HashMap::default();
    for (at, judged) in sockets {
        let key = grouping.key(judged);
        let place = *places.entry(key).or_insert_with_key(|key| {
            groups.push(SocketGroup {
                key: key.clone(),
                worst: *at,
                counts: JudgedCounts::default(),
                sockets: 0,
                quiet_ms: None,
            });
            groups.len() - 1
        });
        let Some(group) = groups.get_mut(place) else {
            continue;
        };
        group.counts.add(&judged.judgement);
        group.sockets += 1;
        group.quiet_ms = group.quiet_ms.max(judged.socket.idle.quiet_ms());
    }
    groups
}

impl SocketGroup {
    /// Number of late and unprotected sockets.
    #[must_use]
    pub(super) fn in_danger(&self) -> usize {
        let of = |verdict| self.counts.verdict(Some(verdict));
        of(Verdict::Late) + of(Verdict::Unprotected)
    }
}
