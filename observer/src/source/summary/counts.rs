//! From the kernel's tallies to the policy's counts. Pure.

use std::time::Duration;

use observer_common::summary::{SILENCES, Tally, verdict};

use super::types::{HealthyWorkload, Summary};
use crate::kernel::summary::{LimitTable, RawSummary, WorkloadTally};
use crate::policy::Verdict;
use crate::policy::counts::{ByVerdict, QUIET_LONGER_THAN_S, SocketCounts};

const _: () = assert!(SILENCES == QUIET_LONGER_THAN_S.len());

/// Verdicts in the order of the kernel side's arrays.
const VERDICTS: [Verdict; verdict::COUNT] = Verdict::ALL;

/// [`QUIET_LONGER_THAN_S`] in jiffies.
pub(super) fn silences(hz: u32) -> [u32; SILENCES] {
    QUIET_LONGER_THAN_S.map(|s| u32::try_from(s).unwrap_or(u32::MAX).saturating_mul(hz))
}

/// A raw summary in the policy's terms and in our units.
pub(super) fn summary(raw: RawSummary, limits: &LimitTable, hz: u32) -> Summary {
    Summary {
        healthy: socket_counts(&raw.tally, hz),
        healthy_workloads: raw.workloads.into_iter().map(workload).collect(),
        sockets: raw.sockets,
        until_flagged: until_flagged(&raw.tally, limits, hz),
        unaccounted: raw.unaccounted,
        unknown: raw.unknown,
        notices: raw.notices,
    }
}

fn workload(tally: WorkloadTally) -> HealthyWorkload {
    HealthyWorkload {
        cgroup: tally.cgroup,
        comm: tally.comm,
        sockets: by_verdict(tally.sockets),
    }
}

fn by_verdict(counts: [u64; verdict::COUNT]) -> ByVerdict<u64> {
    let mut sum = ByVerdict::default();
    for (verdict, count) in VERDICTS.into_iter().zip(counts) {
        *sum.get_mut(Some(verdict)) += count;
    }
    sum
}

fn socket_counts(tally: &Tally, hz: u32) -> SocketCounts {
    let mut counts = SocketCounts::default();
    let rows = tally.healthy.iter().zip(tally.unstamped).zip(tally.longest);
    for (verdict, ((columns, unstamped), longest)) in VERDICTS.into_iter().zip(rows) {
        let stamped: u64 = columns.iter().sum();
        counts.add_healthy(verdict, stamped + unstamped);
        let quiet = counts.quiet.get_mut(Some(verdict));
        // The first column is of those below every silence.
        let mut longer = stamped;
        for (count, column) in quiet.iter_mut().zip(columns) {
            longer -= column;
            *count = longer;
        }
        let longest_ms = ms(longest, hz);
        *counts.longest_quiet_ms.get_mut(Some(verdict)) = (stamped > 0).then_some(longest_ms);
    }
    counts
}

/// Time until a healthy socket, or one that is made in the meantime, may have to be flagged.
fn until_flagged(tally: &Tally, limits: &LimitTable, hz: u32) -> Option<Duration> {
    let jiffies = limits.least_near()?.min(tally.until_flagged);
    Some(Duration::from_millis(ms(jiffies, hz)))
}

fn ms(jiffies: u32, hz: u32) -> u64 {
    u64::from(jiffies) * 1000 / u64::from(hz.max(1))
}

#[cfg(test)]
mod tests {
    use observer_common::summary::{LimitJiffies, PathLimits};

    use super::*;
    use crate::policy::Health;

    #[test]
    fn columns_become_counts_of_longer_silences() {
        let mut tally = Tally::default();
        tally.healthy[verdict::PROTECTED] = [10, 5, 0, 0, 0, 0, 0, 1];
        tally.unstamped[verdict::EXEMPT] = 3;
        tally.longest[verdict::PROTECTED] = 250 * 7201;
        let counts = socket_counts(&tally, 250);
        assert_eq!(counts.total(), 19);
        let protected = Some(Verdict::Protected);
        assert_eq!(*counts.quiet.get(protected), [6, 1, 1, 1, 1, 1, 1]);
        let longest = *counts.longest_quiet_ms.get(protected);
        assert_eq!(longest, Some(7_201_000));
        let exempt = Some(Verdict::Exempt);
        assert_eq!(*counts.longest_quiet_ms.get(exempt), None);
        assert_eq!(*counts.sockets.get(exempt).get(Some(Health::Ok)), 3);
    }

    #[test]
    fn verdicts_keep_their_place() {
        let counts = by_verdict([1, 2, 3, 4]);
        assert_eq!(*counts.get(Some(Verdict::Protected)), 1);
        assert_eq!(*counts.get(Some(Verdict::Late)), 2);
        assert_eq!(*counts.get(Some(Verdict::Unprotected)), 3);
        assert_eq!(*counts.get(Some(Verdict::Exempt)), 4);
    }

    #[test]
    fn a_socket_that_is_made_next_may_be_flagged_before_all_others() {
        let mut tally = Tally {
            until_flagged: u32::MAX,
            ..Tally::default()
        };
        let mut limits = LimitTable::default();
        assert_eq!(until_flagged(&tally, &limits, 250), None);
        limits.default = PathLimits {
            open: LimitJiffies {
                limit: 25_000,
                near: 6250,
            },
            ..PathLimits::default()
        };
        let of_next = Some(Duration::from_secs(25));
        assert_eq!(until_flagged(&tally, &limits, 250), of_next);
        tally.until_flagged = 500;
        let of_known = Some(Duration::from_secs(2));
        assert_eq!(until_flagged(&tally, &limits, 250), of_known);
    }
}
