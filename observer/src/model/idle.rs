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
    /// Since a segment came that left no stamp (`tcp_sock.segs_in` rose between two scans), at most.
    pub segment_ms: Option<u64>,
    /// Which way the last payload went; `None` also before the first byte.
    pub last_data: Option<Direction>,
    /// The peer's own probes keep arriving while no data does, as far as several scans tell.
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
        let others = [self.ack_ms, self.probe_ms, self.segment_ms];
        let shortened = others.into_iter().flatten().min();
        let data_ms = self.data_ms()?;
        Some(shortened.map_or(data_ms, |ms| ms.min(data_ms)))
    }

    /// Time since the peer was last heard, as the kernel's keepalive timer counts it.
    #[must_use]
    pub fn heard_ms(&self) -> Option<u64> {
        Some(self.received_ms?.min(self.ack_ms?))
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
