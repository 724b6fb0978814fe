//! Connected sockets, counted by verdict, health and silence.

use super::{Health, Verdict};

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
pub struct SocketCounts {
    /// By verdict and health.
    pub sockets: ByVerdict<ByHealth<u64>>,
    /// Those that were quiet for longer than each of [`QUIET_LONGER_THAN_S`].
    pub quiet: ByVerdict<[u64; QUIET_LONGER_THAN_S.len()]>,
    /// The longest silence in milliseconds, `None` where there is no such socket.
    pub longest_quiet_ms: ByVerdict<Option<u64>>,
}

impl SocketCounts {
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

    /// Counts healthy sockets of which only the verdict is known.
    pub fn add_healthy(&mut self, verdict: Verdict, sockets: u64) {
        *self
            .sockets
            .get_mut(Some(verdict))
            .get_mut(Some(Health::Ok)) += sockets;
    }

    /// Number of sockets.
    #[must_use]
    pub fn total(&self) -> u64 {
        let by_verdict = self.sockets.iter();
        by_verdict
            .flat_map(|(_, by_health)| by_health.iter().map(|(_, count)| *count))
            .sum()
    }
}
