//! Snapshot of the host from an in-kernel summary. Pure.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::workload::Workload;
use crate::policy::counts::ByVerdict;
use crate::policy::snapshot::{Flagged, NEAR};
use crate::policy::{Health, HostSnapshot, Judged, Policy, Segments};
use crate::source::summary::Summary;

/// Facts of the scan that a snapshot was made from.
#[derive(Debug, Clone, Copy)]
pub struct ScanInfo {
    /// Time at which it began, by the wall clock.
    pub taken_at: jiff::Timestamp,
    /// The same on a clock that only goes forward, in milliseconds.
    pub taken_ms: u64,
    /// Time that it took.
    pub took: Duration,
    /// Scan method.
    pub scan: &'static str,
}

/// Snapshot of a summary: judges its sockets, and adds them to what was counted.
pub fn build_snapshot(
    summary: Summary,
    policy: &Policy,
    segments: &mut Segments,
    workload: Workload,
    info: ScanInfo,
) -> HostSnapshot {
    let mut counts = summary.healthy;
    let mut workloads: FxHashMap<Arc<str>, ByVerdict<u64>> = FxHashMap::default();
    for healthy in &summary.healthy_workloads {
        let name = workload.of_healthy(healthy);
        *workloads.entry(name).or_default() += &healthy.sockets;
    }
    let mut sockets = summary.sockets;
    segments.compare(&mut sockets, info.taken_ms);
    let mut flagged = Vec::new();
    for socket in sockets {
        let judged = Judged::by(policy, socket);
        let (socket, judgement) = (&judged.socket, &judged.judgement);
        counts.add(judgement.verdict, judgement.health, socket.idle.quiet_ms());
        let workload = workload.of(socket);
        *workloads
            .entry(Arc::clone(&workload))
            .or_default()
            .get_mut(judgement.verdict) += 1;
        if is_flagged(&judged, policy.at_risk) {
            flagged.push(Flagged { judged, workload });
        }
    }
    HostSnapshot {
        taken_at: info.taken_at,
        took: info.took,
        scan: info.scan,
        counts,
        workloads: workloads.into_iter().collect(),
        flagged,
        unknown: summary.unknown,
    }
}

fn is_flagged(judged: &Judged, at_risk: f64) -> bool {
    let Judged { socket, judgement } = judged;
    use crate::policy::Verdict::{Late, Unprotected};
    if judgement.health != Some(Health::Ok) {
        return true;
    }
    let (Some(Late | Unprotected), Some(limit_ms)) = (judgement.verdict, judgement.path.limit_ms())
    else {
        return false;
    };
    let near_ms = limit_ms as f64 * at_risk * NEAR;
    judgement
        .path
        .silence_ms(socket)
        .is_some_and(|quiet_ms| quiet_ms as f64 >= near_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Socket;
    use crate::model::testing::socket;
    use crate::policy::Verdict;
    use crate::policy::counts::SocketCounts;
    use crate::source::summary::HealthyWorkload;

    fn quiet(ms: u64) -> Socket {
        let mut socket = socket();
        socket.idle.sent_ms = Some(ms);
        socket.idle.received_ms = Some(ms);
        socket.idle.ack_ms = Some(ms);
        socket
    }

    #[test]
    fn what_was_counted_and_what_was_read_add_up() {
        let mut healthy = SocketCounts::default();
        healthy.add(Some(Verdict::Unprotected), Some(Health::Ok), Some(70_000));
        let mut of_python = ByVerdict::default();
        *of_python.get_mut(Some(Verdict::Unprotected)) = 1;
        let mut unjudged = quiet(1);
        unjudged.keepalive.enabled = None;
        let summary = Summary {
            healthy,
            healthy_workloads: vec![HealthyWorkload {
                cgroup: None,
                comm: socket().owners.first().map(|owner| owner.comm),
                sockets: of_python,
            }],
            sockets: vec![
                quiet(80_000),
                quiet(90_000),
                quiet(176_000),
                quiet(400_000),
                unjudged,
            ],
            ..Summary::default()
        };
        let info = ScanInfo {
            taken_at: jiff::Timestamp::UNIX_EPOCH,
            taken_ms: 1_000_000,
            took: Duration::ZERO,
            scan: "bpf",
        };
        let policy = Policy::default();
        let mut segments = Segments::default();
        let snapshot = build_snapshot(summary, &policy, &mut segments, Workload::Comm, info);
        let unprotected = *snapshot.counts.sockets.get(Some(Verdict::Unprotected));
        let health = |health| *unprotected.get(Some(health));
        assert_eq!(health(Health::Ok), 3);
        assert_eq!(health(Health::AtRisk), 1);
        assert_eq!(health(Health::Stale), 1);
        assert_eq!(*snapshot.counts.sockets.get(None).get(None), 1);
        assert_eq!(snapshot.counts.total(), 6);
        let [(name, python)] = &snapshot.workloads[..] else {
            panic!("{:?}", snapshot.workloads);
        };
        assert_eq!(
            (&**name, *python.get(Some(Verdict::Unprotected))),
            ("python3", 5)
        );
        let mut quiet: Vec<_> = snapshot
            .flagged
            .iter()
            .map(|flagged| flagged.judged.socket.idle.quiet_ms())
            .collect();
        quiet.sort_unstable();
        // 80 s is not half way to half the limit of 350 s.
        assert_eq!(quiet, [Some(1), Some(90_000), Some(176_000), Some(400_000)]);
    }
}
