//! Segments that arrived between two scans, which one scan cannot tell.
//!
//! For `diag`, a peer's keepalive probe leaves no stamp, since it lies outside the window; only `tcp_sock.segs_in`
//! counts it. A socket whose peer probes looks as quiet as one that is forgotten.

use rustc_hash::FxHashMap;

use crate::model::Socket;

/// Remembers from scan to scan what each socket had received. As large as the last scan.
#[derive(Debug, Default)]
pub struct Segments {
    known: FxHashMap<u64, Known>,
    /// When the last scan was taken.
    last_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    segs_in: u32,
    /// The last segment that left no stamp, as early as it can have come.
    came: Option<Came>,
}

#[derive(Debug, Clone, Copy)]
struct Came {
    at_ms: u64,
    /// Since anything was heard before.
    after_ms: u64,
}

/// The next probe is late when it took half as long again as the last.
const PATIENCE: (u64, u64) = (3, 2);

impl Segments {
    /// Compares a scan with the one before: shortens the silence of sockets that received segments
    /// without a stamp, and marks those whose peer keeps sending them. `taken_ms` is
    /// the time of the scan, on a clock that only goes forward.
    pub fn compare(&mut self, sockets: &mut [Socket], taken_ms: u64) {
        let since_last_ms = self.last_ms.map(|last_ms| taken_ms.saturating_sub(last_ms));
        let mut next = FxHashMap::with_capacity_and_hasher(sockets.len(), Default::default());
        for socket in sockets {
            let (Some(cookie), Some(segs_in)) = (socket.cookie, socket.segs_in) else {
                continue;
            };
            let before = self.known.get(&cookie);
            let stamped_ms = socket.idle.quiet_ms();
            let mut came = before.and_then(|before| before.came);
            if let (Some(before), Some(gap_ms), Some(stamped_ms)) =
                (before, since_last_ms, stamped_ms)
                && before.segs_in != segs_in
                && stamped_ms > gap_ms
            {
                let at_ms = taken_ms - gap_ms.min(taken_ms);
                let heard_ms = taken_ms.saturating_sub(stamped_ms);
                let heard_ms = came.map_or(heard_ms, |came| came.at_ms.max(heard_ms));
                came = Some(Came {
                    at_ms,
                    after_ms: taken_ms.saturating_sub(heard_ms),
                });
            }
            // A stamp is exact, and later than what was counted before it.
            let is_newer =
                |came: &Came| stamped_ms.is_none_or(|ms| taken_ms.saturating_sub(came.at_ms) < ms);
            came = came.filter(is_newer);
            if let Some(came) = came {
                let ago_ms = taken_ms.saturating_sub(came.at_ms);
                socket.idle.segment_ms = Some(ago_ms);
                let (more, than) = PATIENCE;
                socket.idle.peer_keeps_alive =
                    ago_ms.saturating_mul(than) <= came.after_ms.saturating_mul(more);
            }
            next.insert(cookie, Known { segs_in, came });
        }
        self.known = next;
        self.last_ms = Some(taken_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing;

    /// A socket that was stamped last so long ago.
    fn socket(stamped_ms: u64, segs_in: u32) -> Socket {
        let mut socket = testing::socket();
        socket.idle.sent_ms = Some(stamped_ms);
        socket.idle.received_ms = Some(stamped_ms);
        socket.idle.ack_ms = Some(stamped_ms);
        socket.segs_in = Some(segs_in);
        socket
    }

    /// Silence of the socket with that known, and the peer's part in it.
    fn scan(segments: &mut Segments, taken_ms: u64, mut socket: Socket) -> (u64, bool) {
        let sockets = std::slice::from_mut(&mut socket);
        segments.compare(sockets, taken_ms);
        (
            socket.idle.quiet_ms().unwrap(),
            socket.idle.peer_keeps_alive,
        )
    }

    #[test]
    fn one_scan_knows_only_the_stamps() {
        let mut segments = Segments::default();
        assert_eq!(
            scan(&mut segments, 1_000_000, socket(200_000, 7)),
            (200_000, false)
        );
    }

    #[test]
    fn a_peer_that_probes_ends_the_silence() {
        let mut segments = Segments::default();
        scan(&mut segments, 1_000_000, socket(59_000, 7));
        // Between the scans, so no longer ago than the first of them.
        assert_eq!(
            scan(&mut segments, 1_002_000, socket(61_000, 8)),
            (2000, true)
        );
        assert_eq!(
            scan(&mut segments, 1_052_000, socket(111_000, 8)),
            (52_000, true)
        );
        assert_eq!(
            scan(&mut segments, 1_062_000, socket(121_000, 9)),
            (10_000, true)
        );
    }

    #[test]
    fn a_peer_that_stopped_keeps_nothing_alive() {
        let mut segments = Segments::default();
        scan(&mut segments, 1_000_000, socket(59_000, 7));
        scan(&mut segments, 1_002_000, socket(61_000, 8));
        let (quiet_ms, kept_alive) = scan(&mut segments, 1_100_000, socket(159_000, 8));
        assert_eq!((quiet_ms, kept_alive), (100_000, false));
    }

    #[test]
    fn segments_that_left_a_stamp_are_none_of_the_peers_probes() {
        let mut segments = Segments::default();
        scan(&mut segments, 1_000_000, socket(59_000, 7));
        assert_eq!(scan(&mut segments, 1_002_000, socket(500, 9)), (500, false));
        assert_eq!(
            scan(&mut segments, 1_004_000, socket(2500, 9)),
            (2500, false)
        );
    }

    #[test]
    fn data_after_a_probe_counts_from_the_data() {
        let mut segments = Segments::default();
        scan(&mut segments, 1_000_000, socket(59_000, 7));
        scan(&mut segments, 1_002_000, socket(61_000, 8));
        assert_eq!(
            scan(&mut segments, 1_010_000, socket(1000, 10)),
            (1000, false)
        );
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let mut segments = Segments::default();
        scan(&mut segments, 1_000_000, socket(59_000, 7));
        segments.compare(&mut [], 1_002_000);
        assert!(segments.known.is_empty());
        assert_eq!(
            scan(&mut segments, 1_004_000, socket(63_000, 9)),
            (63_000, false)
        );
    }

    #[test]
    fn without_a_cookie_or_a_count_nothing_is_guessed() {
        let mut segments = Segments::default();
        for taken_ms in [1_000_000, 1_002_000] {
            let mut unknown = socket(61_000, 8);
            unknown.segs_in = None;
            assert_eq!(scan(&mut segments, taken_ms, unknown), (61_000, false));
        }
    }
}
