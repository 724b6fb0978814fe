//! Silence of a socket, from the stamps that the kernel keeps.

use super::State;

/// Which way the last byte of payload went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// We sent it.
    Sent,
    /// The peer sent it.
    Received,
}

impl Direction {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
        }
    }
}

/// Times since something last happened on the socket, in milliseconds at the time of the scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Idle {
    /// Since we last sent payload (`tcp_sock.lsndtime`); since the handshake if we never did.
    pub sent_ms: Option<u64>,
    /// Since payload last came (`icsk_ack.lrcvtime`); since the handshake if none ever did.
    pub received_ms: Option<u64>,
    /// Since the last acknowledgement came (`tcp_sock.rcv_tstamp`).
    pub ack_ms: Option<u64>,
    /// Since our last keepalive probe, as far as the timer betrays it: a probe is unanswered.
    pub probe_ms: Option<u64>,
    /// Since the peer's last keepalive probe (`tcp_sock.last_oow_ack_time`); `None` where none came, or a
    /// scan cannot see it.
    pub peer_probe_ms: Option<u64>,
    /// Since a segment came that left no stamp (`tcp_sock.segs_in` rose between two scans), at most.
    pub segment_ms: Option<u64>,
    /// Which way the last payload went; `None` also before the first byte.
    pub last_data: Option<Direction>,
    /// The peer's own probes keep arriving while no data does.
    pub peer_keeps_alive: bool,
}

impl Idle {
    /// Time since the last byte of payload either way.
    #[must_use]
    pub fn data_ms(&self) -> Option<u64> {
        Some(self.sent_ms?.min(self.received_ms?))
    }

    /// Time since any packet is known to have crossed the wire.
    #[must_use]
    pub fn quiet_ms(&self) -> Option<u64> {
        let others = [
            self.ack_ms,
            self.probe_ms,
            self.peer_probe_ms,
            self.segment_ms,
        ];
        let shortened = others.into_iter().flatten().min();
        let data_ms = self.data_ms()?;
        Some(shortened.map_or(data_ms, |ms| ms.min(data_ms)))
    }

    /// Time since the peer was last heard: payload, an acknowledgement or a probe of its own. What this
    /// end sent says nothing of the peer.
    #[must_use]
    pub fn heard_ms(&self) -> Option<u64> {
        let probes = [self.peer_probe_ms, self.segment_ms];
        let heard_ms = self.timer_heard_ms()?;
        Some(probes.into_iter().flatten().fold(heard_ms, u64::min))
    }

    /// The same as the kernel's keepalive timer counts it, to which the peer's probes are nothing.
    #[must_use]
    pub fn timer_heard_ms(&self) -> Option<u64> {
        Some(self.received_ms?.min(self.ack_ms?))
    }

    /// Marks a connection that its peer's probes keep: the last one came after everything else that was
    /// heard or sent, and the next is not overdue by half. A single stamp tells no rhythm: the time
    /// between the two is the longest that it can be.
    pub fn see_peer_probe(&mut self, probe_ms: u64) {
        self.peer_probe_ms = Some(probe_ms);
        let Some(before_ms) = self
            .data_ms()
            .map(|ms| self.ack_ms.map_or(ms, |ack| ms.min(ack)))
        else {
            return;
        };
        let apart_ms = before_ms.saturating_sub(probe_ms);
        self.peer_keeps_alive =
            apart_ms >= 1000 && probe_ms.saturating_mul(2) <= apart_ms.saturating_mul(3);
    }

    /// The direction of the last payload, from both stamps and both byte counts. The kernel counts
    /// the peer's FIN as a byte received; `state` tells whether there was one.
    #[must_use]
    pub fn direction(
        state: State,
        sent_ms: u64,
        received_ms: u64,
        bytes_sent: u64,
        bytes_received: u64,
    ) -> Option<Direction> {
        let fin = u64::from(state.peer_has_finished());
        match (bytes_sent > 0, bytes_received > fin) {
            (false, false) => None,
            (true, false) => Some(Direction::Sent),
            (false, true) => Some(Direction::Received),
            (true, true) if received_ms < sent_ms => Some(Direction::Received),
            (true, true) => Some(Direction::Sent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(sent: u64, received: u64, ack: Option<u64>, probe: Option<u64>) -> Idle {
        Idle {
            sent_ms: Some(sent),
            received_ms: Some(received),
            ack_ms: ack,
            probe_ms: probe,
            peer_probe_ms: None,
            segment_ms: None,
            last_data: None,
            peer_keeps_alive: false,
        }
    }

    #[test]
    fn quiet_is_data_idle_shortened_by_ack_and_probe() {
        assert_eq!(idle(300, 200, None, None).quiet_ms(), Some(200));
        assert_eq!(idle(300, 200, Some(250), None).quiet_ms(), Some(200));
        assert_eq!(idle(300, 200, Some(50), Some(40)).quiet_ms(), Some(40));
    }

    #[test]
    fn an_unknown_stamp_makes_idle_unknown() {
        let unknown = Idle {
            received_ms: Some(1),
            ..Idle::default()
        };
        assert_eq!(unknown.data_ms(), None);
        assert_eq!(unknown.quiet_ms(), None);
        assert_eq!(unknown.heard_ms(), None);
    }

    #[test]
    fn a_probe_of_the_peer_is_heard_and_keeps_it() {
        let probed = |probe_ms| {
            let mut idle = idle(560_000, 560_000, Some(560_000), None);
            idle.see_peer_probe(probe_ms);
            idle
        };
        assert_eq!(probed(5000).quiet_ms(), Some(5000));
        assert_eq!(probed(5000).heard_ms(), Some(5000));
        assert_eq!(probed(5000).timer_heard_ms(), Some(560_000));
        assert!(probed(5000).peer_keeps_alive);
        // The next one is overdue.
        assert!(!probed(400_000).peer_keeps_alive);
        // One answer among data is no rhythm.
        assert!(!probed(559_900).peer_keeps_alive);
        assert!(!probed(600_000).peer_keeps_alive);
    }

    #[test]
    fn direction_needs_bytes() {
        assert_eq!(Idle::direction(State::Established, 5, 9, 0, 0), None);
        assert_eq!(
            Idle::direction(State::Established, 9, 5, 10, 0),
            Some(Direction::Sent)
        );
        assert_eq!(
            Idle::direction(State::Established, 9, 5, 10, 1),
            Some(Direction::Received)
        );
        assert_eq!(
            Idle::direction(State::Established, 5, 5, 10, 1),
            Some(Direction::Sent)
        );
    }

    #[test]
    fn a_fin_is_no_data() {
        let received = |state, bytes| Idle::direction(state, 9, 5, 0, bytes);
        assert_eq!(received(State::CloseWait, 1), None);
        assert_eq!(received(State::CloseWait, 2), Some(Direction::Received));
        assert_eq!(received(State::FinWait2, 1), Some(Direction::Received));
    }
}
