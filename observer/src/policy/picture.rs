//! What one look at every connected socket of the host found: counts, and the sockets that are not
//! calm, judged. Exporter and alerts are made of it.

use std::sync::Arc;
use std::time::Duration;

use super::{Health, Judged, Judgement, PathLimit, Reasons, Verdict};
use crate::model::Socket;
use crate::scan::Unknown;

/// From this share of the silence that is a risk on, a socket is read and shown: whether its peer
/// keeps it alive takes two looks to tell, and they must lie before the risk does.
pub const NEAR: f64 = 0.5;

/// A look at the host.
#[derive(Debug, Clone)]
pub struct Picture {
    /// When it began, by the wall clock.
    pub taken_at: jiff::Timestamp,
    /// How long it took.
    pub took: Duration,
    /// How sockets were found: `bpf` or `diag`.
    pub scan: &'static str,
    /// Connected sockets, counted.
    pub counts: Counts,
    /// Connected sockets of each workload, by verdict. As the host has them: who prints them bounds
    /// their number.
    pub workloads: Vec<(Arc<str>, ByVerdict<u64>)>,
    /// Every socket that is not [`Health::Ok`], and those that soon will be, in no order.
    pub notable: Vec<Notable>,
    /// Fields that could not be had, and why.
    pub unknown: Vec<Unknown>,
}

/// A socket with its judgement, kept after the scan and the policy are gone.
#[derive(Debug, Clone)]
pub struct Notable {
    /// The socket.
    pub socket: Socket,
    /// The limit on the way to its peer, seconds.
    pub limit_s: Option<u64>,
    /// Where the limit comes from, see [`PathLimit::from`].
    pub limit_from: Arc<str>,
    /// `None` where a value that decides is unknown.
    pub verdict: Option<Verdict>,
    /// `None` where a value that decides is unknown.
    pub health: Option<Health>,
    /// Why, and what else its owner should know.
    pub reasons: Reasons,
    /// What it works for, as the configuration names workloads. Foreign input, escaped.
    pub workload: Arc<str>,
}

impl Notable {
    /// For reports.
    #[must_use]
    pub fn judged(&self) -> Judged<'_> {
        Judged {
            socket: &self.socket,
            judgement: Judgement {
                path: PathLimit {
                    limit_s: self.limit_s,
                    from: &self.limit_from,
                },
                verdict: self.verdict,
                health: self.health,
                reasons: self.reasons,
            },
        }
    }
}

/// One value for each verdict, and one for sockets that cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByVerdict<T>([T; Verdict::ALL.len() + 1]);

impl<T> ByVerdict<T> {
    /// Every verdict, `None` last.
    pub fn verdicts() -> impl Iterator<Item = Option<Verdict>> {
        Verdict::ALL.into_iter().map(Some).chain([None])
    }

    /// The value of a verdict.
    #[must_use]
    pub fn get(&self, verdict: Option<Verdict>) -> &T {
        &self.0[index(&Verdict::ALL, verdict)]
    }

    /// The value of a verdict, to change.
    pub fn get_mut(&mut self, verdict: Option<Verdict>) -> &mut T {
        &mut self.0[index(&Verdict::ALL, verdict)]
    }

    /// Every verdict with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Option<Verdict>, &T)> {
        Self::verdicts().zip(&self.0)
    }
}

/// Two that count the same things together.
impl std::ops::AddAssign<&ByVerdict<u64>> for ByVerdict<u64> {
    fn add_assign(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(&other.0) {
            *sum += count;
        }
    }
}

/// One value for each state of health, and one for sockets of which it cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByHealth<T>([T; Health::ALL.len() + 1]);

impl<T> ByHealth<T> {
    /// Every state of health, `None` last.
    pub fn healths() -> impl Iterator<Item = Option<Health>> {
        Health::ALL.into_iter().map(Some).chain([None])
    }

    /// The value of a state of health.
    #[must_use]
    pub fn get(&self, health: Option<Health>) -> &T {
        &self.0[index(&Health::ALL, health)]
    }

    /// The value of a state of health, to change.
    pub fn get_mut(&mut self, health: Option<Health>) -> &mut T {
        &mut self.0[index(&Health::ALL, health)]
    }

    /// Every state of health with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Option<Health>, &T)> {
        Self::healths().zip(&self.0)
    }
}

/// Unknown comes after all others.
fn index<T: PartialEq, const N: usize>(all: &[T; N], of: Option<T>) -> usize {
    let known = of.and_then(|of| all.iter().position(|one| *one == of));
    known.unwrap_or(N)
}

/// The silences for which sockets are counted, in seconds: limits of common middleboxes, and the
/// kernel's default before its first probe.
pub const QUIET_LONGER_THAN_S: [u64; 7] = [60, 240, 350, 600, 900, 3600, 7200];

/// Connected sockets, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// By verdict and health.
    pub sockets: ByVerdict<ByHealth<u64>>,
    /// Those that were quiet for longer than each of [`QUIET_LONGER_THAN_S`].
    pub quiet: ByVerdict<[u64; QUIET_LONGER_THAN_S.len()]>,
    /// The longest silence in milliseconds, `None` where there is no such socket.
    pub longest_quiet_ms: ByVerdict<Option<u64>>,
}

impl Counts {
    /// Counts one more. A socket of which the silence is not known is in no count of silences.
    pub fn add(&mut self, verdict: Option<Verdict>, health: Option<Health>, quiet_ms: Option<u64>) {
        *self.sockets.get_mut(verdict).get_mut(health) += 1;
        let Some(quiet_ms) = quiet_ms else {
            return;
        };
        for (count, s) in self
            .quiet
            .get_mut(verdict)
            .iter_mut()
            .zip(QUIET_LONGER_THAN_S)
        {
            *count += u64::from(quiet_ms > s * 1000);
        }
        let longest = self.longest_quiet_ms.get_mut(verdict);
        *longest = (*longest).max(Some(quiet_ms));
    }

    /// Counts sockets of which nothing but the verdict is to be told.
    pub fn add_calm(&mut self, verdict: Verdict, sockets: u64) {
        *self
            .sockets
            .get_mut(Some(verdict))
            .get_mut(Some(Health::Ok)) += sockets;
    }

    /// How many sockets there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        let by_verdict = self.sockets.iter();
        by_verdict
            .flat_map(|(_, by_health)| by_health.iter().map(|(_, count)| *count))
            .sum()
    }
}
