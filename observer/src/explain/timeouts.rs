//! Time for which the kernel sends again before it gives up: `net/ipv4/tcp_timer.c`
//! (`tcp_retransmit_timer`, `tcp_write_timeout`, `retransmits_timed_out`). All times are in
//! milliseconds. The kernel's timer wheel fires late, by up to an eighth of the wait: what is
//! foretold here is the earliest.

/// `TCP_RTO_MIN`
pub const RTO_MIN_MS: u64 = 200;
/// `TCP_RTO_MAX`, unless `tcp_rto_max_ms` says otherwise (Linux 6.15).
pub const RTO_MAX_MS: u64 = 120_000;
/// `TCP_TIMEOUT_INIT`: the first RTO of a SYN.
pub const SYN_RTO_MS: u64 = 1000;
/// `clamp_rto_to_user_timeout` fires at the next jiffy when the time is over.
const JIFFY_MS: u64 = 1;
/// Share of a wait by which the timer fires late, which brings the end nearer: the wheel's steps are an eighth to a 64th of the wait, so
/// this share of it is what to expect at least.
const LATE_SHARE: u64 = 128;
/// `tcp_syn_retries` and `tcp_syn_linear_timeouts` end at 127, `tcp_retries2` at 255.
const MAX_FIRINGS: u32 = 512;

/// `tcp_model_timeout`: the time that so many retries take with exponential backoff. It is a lower
/// bound: the timer that fires next after it ends the connection.
#[must_use]
pub fn model_timeout_ms(retries: u32, rto_base_ms: u64, rto_max_ms: u64) -> u64 {
    let ratio = rto_max_ms.checked_div(rto_base_ms).unwrap_or(1).max(1);
    let doublings = ratio.ilog2();
    let growing_ms = |retries: u32| rto_base_ms.saturating_mul((2_u64 << retries) - 1);
    match retries.checked_sub(doublings) {
        Some(more) => {
            let constant_ms = rto_max_ms.saturating_mul(more.into());
            growing_ms(doublings).saturating_add(constant_ms)
        }
        None => growing_ms(retries),
    }
}

/// A connect that nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect {
    /// `TCP_SYNCNT`, else `tcp_syn_retries`.
    pub retries: u32,
    /// `tcp_syn_linear_timeouts`, 0 before Linux 6.5.
    pub linear: u32,
    /// `TCP_USER_TIMEOUT`, 0 for none.
    pub user_timeout_ms: u64,
    /// Longest RTO.
    pub rto_max_ms: u64,
}

impl Connect {
    /// When it fails with ETIMEDOUT, from the first SYN on.
    #[must_use]
    pub fn gives_up_ms(&self) -> u64 {
        let count = self.retries.saturating_add(self.linear);
        let timed_out_ms = match self.user_timeout_ms {
            0 => model_timeout_ms(self.retries, SYN_RTO_MS, self.rto_max_ms),
            ms => ms,
        };
        let (mut elapsed_ms, mut rto_ms) = (SYN_RTO_MS, SYN_RTO_MS);
        for retransmits in 0..MAX_FIRINGS {
            if retransmits >= count || (retransmits > 0 && elapsed_ms >= timed_out_ms) {
                break;
            }
            if retransmits >= self.linear {
                rto_ms = rto_ms.saturating_mul(2).min(self.rto_max_ms);
            }
            let wait_ms = clamped(rto_ms, self.user_timeout_ms, elapsed_ms);
            elapsed_ms = elapsed_ms.saturating_add(wait_ms);
        }
        elapsed_ms
    }
}

/// Data that nobody acknowledges on an established connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retransmission {
    /// RTO without backoff.
    pub rto_ms: u64,
    /// `tcp_retries2`
    pub retries: u32,
    /// `TCP_USER_TIMEOUT`, 0 for none.
    pub user_timeout_ms: u64,
    /// Longest RTO.
    pub rto_max_ms: u64,
}

impl Retransmission {
    /// When the connection is given up, from the first sending on. A tail loss probe may add one
    /// more RTO before the first retransmission.
    #[must_use]
    pub fn gives_up_ms(&self) -> u64 {
        self.rto_ms.saturating_add(self.left_ms(0, 0))
    }

    /// Time until the connection is given up, when the timer fires in `next_ms` and
    /// retransmission was tried `retransmits` times. The kernel counts from the first of them.
    #[must_use]
    pub fn left_ms(&self, retransmits: u32, next_ms: u64) -> u64 {
        let timed_out_ms = match self.user_timeout_ms {
            0 => model_timeout_ms(self.retries, RTO_MIN_MS, self.rto_max_ms),
            ms => ms,
        };
        let (mut left_ms, mut elapsed_ms, mut rto_ms) = (next_ms, 0_u64, self.rto_ms);
        for firing in 0..MAX_FIRINGS {
            let with_late_ms = elapsed_ms.saturating_add(elapsed_ms / LATE_SHARE);
            if firing > 0 && firing >= retransmits && with_late_ms >= timed_out_ms {
                break;
            }
            rto_ms = rto_ms.saturating_mul(2).min(self.rto_max_ms);
            let wait_ms = clamped(rto_ms, self.user_timeout_ms, elapsed_ms);
            elapsed_ms = elapsed_ms.saturating_add(wait_ms);
            // Earlier firings are over, and the wait after the last of them is `next_ms`.
            if firing >= retransmits {
                left_ms = left_ms.saturating_add(wait_ms);
            }
        }
        left_ms
    }
}

/// `tcp_clamp_rto_to_user_timeout`
fn clamped(rto_ms: u64, user_timeout_ms: u64, elapsed_ms: u64) -> u64 {
    if user_timeout_ms == 0 {
        return rto_ms;
    }
    rto_ms.min(user_timeout_ms.saturating_sub(elapsed_ms).max(JIFFY_MS))
}

#[cfg(test)]
#[path = "timeouts_tests.rs"]
mod tests;
