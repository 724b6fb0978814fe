//! TCP states, and sets of them.

/// TCP state, numbered as in the kernel's `net/tcp_states.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the protocol's own")]
#[repr(u8)]
pub enum State {
    Established = 1,
    SynSent = 2,
    SynRecv = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    Close = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
}

impl State {
    /// Every state, in the kernel's order.
    pub const ALL: [Self; 11] = [
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
    ];

    /// Decodes `skc_state`; `TCP_NEW_SYN_RECV` (12) is [`State::SynRecv`], other values `None`.
    #[must_use]
    pub const fn from_kernel(value: u8) -> Option<Self> {
        Some(match value {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => return None,
        })
    }

    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::SynSent => "syn-sent",
            Self::SynRecv => "syn-recv",
            Self::FinWait1 => "fin-wait-1",
            Self::FinWait2 => "fin-wait-2",
            Self::TimeWait => "time-wait",
            Self::Close => "close",
            Self::CloseWait => "close-wait",
            Self::LastAck => "last-ack",
            Self::Listen => "listen",
            Self::Closing => "closing",
        }
    }

    /// States in which somebody can still wait for bytes: both ends know each other and at least
    /// one direction is open.
    #[must_use]
    pub const fn is_connected(self) -> bool {
        matches!(
            self,
            Self::Established | Self::FinWait1 | Self::FinWait2 | Self::CloseWait
        )
    }

    /// States in which one end has sent its FIN and the other has not.
    #[must_use]
    pub const fn is_half_closed(self) -> bool {
        matches!(self, Self::FinWait1 | Self::FinWait2 | Self::CloseWait)
    }

    /// States in which the kernel's stamps of what was sent and received mean something: they do from the
    /// handshake on.
    #[must_use]
    pub const fn has_stamps(self) -> bool {
        !matches!(
            self,
            Self::SynSent | Self::SynRecv | Self::Listen | Self::Close
        )
    }

    /// States in which the peer's FIN has come.
    #[must_use]
    pub const fn peer_has_finished(self) -> bool {
        matches!(
            self,
            Self::CloseWait | Self::LastAck | Self::Closing | Self::TimeWait
        )
    }

    /// This state's bit in a [`StateSet`] and in `inet_diag_req_v2.idiag_states`.
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// A set of [`State`]s, as the kernel's `1 << state` masks have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateSet(pub u32);

impl StateSet {
    /// States that `list` shows without `--all`: everything but `listen`, `time-wait`, `syn-recv` and
    /// `close`.
    pub const CONNECTED: Self = Self(
        State::Established.bit()
            | State::SynSent.bit()
            | State::FinWait1.bit()
            | State::FinWait2.bit()
            | State::CloseWait.bit()
            | State::LastAck.bit()
            | State::Closing.bit(),
    );

    /// States with those that `--all` adds to [`StateSet::CONNECTED`].
    pub const ALL: Self = Self(
        Self::CONNECTED.0 | State::Listen.bit() | State::TimeWait.bit() | State::SynRecv.bit(),
    );

    /// Membership of `state` in the set.
    #[must_use]
    pub const fn contains(self, state: State) -> bool {
        self.0 & state.bit() != 0
    }

    /// Membership of a state that only a walk of the TCP hash tables finds: no file
    /// descriptor leads to it.
    #[must_use]
    pub const fn needs_tables(self) -> bool {
        self.contains(State::TimeWait) || self.contains(State::SynRecv)
    }
}
