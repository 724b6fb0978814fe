//! `struct tcp_info`, read field by field: older kernels have a shorter one.
//!
//! Offsets are part of the kernel's ABI (`include/uapi/linux/tcp.h`); times are in milliseconds.

use crate::host::nlmsg::array;

/// The fields that observer needs; `None` where the kernel's struct ends before one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// `tcpi_retransmits`: `icsk_retransmits`.
    pub retransmits: Option<u8>,
    /// `tcpi_probes`: `icsk_probes_out`.
    pub probes: Option<u8>,
    /// `tcpi_unacked`: `tcp_sock.packets_out`; of a listening socket the length of its queue.
    pub unacked: Option<u32>,
    /// `tcpi_last_data_sent`: since `tcp_sock.lsndtime`.
    pub last_data_sent_ms: Option<u32>,
    /// `tcpi_last_data_recv`: since `icsk_ack.lrcvtime`.
    pub last_data_received_ms: Option<u32>,
    /// `tcpi_last_ack_recv`: since `tcp_sock.rcv_tstamp`.
    pub last_ack_received_ms: Option<u32>,
    /// `tcpi_bytes_received`
    pub bytes_received: Option<u64>,
    /// `tcpi_segs_in`
    pub segs_in: Option<u32>,
    /// `tcpi_notsent_bytes`: waiting to be sent, an unsent FIN included (4.6 and later).
    pub notsent_bytes: Option<u32>,
    /// `tcpi_bytes_sent`: retransmissions included (4.19 and later).
    pub bytes_sent: Option<u64>,
}

impl TcpInfo {
    /// Reads as many fields as there are.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let u8_at = |at: usize| bytes.get(at).copied();
        let u32_at = |at| array(bytes, at).map(u32::from_ne_bytes);
        let u64_at = |at| array(bytes, at).map(u64::from_ne_bytes);
        Self {
            retransmits: u8_at(2),
            probes: u8_at(3),
            unacked: u32_at(24),
            last_data_sent_ms: u32_at(44),
            last_data_received_ms: u32_at(52),
            last_ack_received_ms: u32_at(56),
            bytes_received: u64_at(128),
            segs_in: u32_at(140),
            notsent_bytes: u32_at(144),
            bytes_sent: u64_at(200),
        }
    }

    /// `true` where something is sent and not acknowledged, or waits to be sent: what keeps
    /// `tcp_keepalive_timer` from probing.
    #[must_use]
    pub fn in_flight(&self) -> Option<bool> {
        match (self.unacked, self.notsent_bytes) {
            (Some(1..), _) | (_, Some(1..)) => Some(true),
            (Some(0), Some(0)) => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_past_the_end_are_unknown() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(TcpInfo::parse(&[]), TcpInfo::default());
        let linux_3_2 = TcpInfo::parse(&bytes[..104]);
        assert_eq!(
            linux_3_2.unacked,
            Some(u32::from_ne_bytes([24, 25, 26, 27]))
        );
        assert_eq!(linux_3_2.bytes_received, None);
        assert_eq!(TcpInfo::parse(&bytes[..207]).bytes_sent, None);
        assert!(TcpInfo::parse(&bytes[..208]).bytes_sent.is_some());
    }

    #[test]
    fn in_flight_is_unknown_unless_both_say_no_or_one_says_yes() {
        let info = |unacked, notsent_bytes| TcpInfo {
            unacked,
            notsent_bytes,
            ..TcpInfo::default()
        };
        assert_eq!(info(Some(0), Some(0)).in_flight(), Some(false));
        assert_eq!(info(Some(1), Some(0)).in_flight(), Some(true));
        assert_eq!(info(Some(0), Some(1)).in_flight(), Some(true));
        assert_eq!(info(Some(0), None).in_flight(), None);
        assert_eq!(info(Some(2), None).in_flight(), Some(true));
    }
}
