//! Keepalive settings of a socket, and what the kernel's timer makes of them.
//!
//! The arithmetic mirrors `tcp_keepalive_timer` in `net/ipv4/tcp_timer.c`.

use super::KeepaliveOption;

/// Where an effective value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettingFrom {
    /// Set on the socket.
    Socket,
    /// The sysctl of the socket's network namespace.
    Sysctl,
}

impl SettingFrom {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Sysctl => "sysctl",
        }
    }
}

/// An effective value. `from` is `None` where the value is known and its origin is not: the
/// getsockopt of a socket answers the same whether the value was set there or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Setting {
    /// Seconds, or a count for the probes.
    pub value: Option<u32>,
    /// Where it comes from.
    pub from: Option<SettingFrom>,
}

impl Setting {
    /// The kernel's rule: 0 on the socket means the sysctl of its namespace.
    #[must_use]
    pub const fn from_kernel(own: u32, sysctl: Option<u32>) -> Self {
        if own != 0 {
            Self {
                value: Some(own),
                from: Some(SettingFrom::Socket),
            }
        } else {
            Self {
                value: sysctl,
                from: Some(SettingFrom::Sysctl),
            }
        }
    }

    /// Answer of getsockopt, which is the effective value: other than the sysctl, it was set
    /// on the socket; the same, it may have been.
    #[must_use]
    pub fn from_getsockopt(effective: u32, sysctl: Option<u32>) -> Self {
        Self {
            value: Some(effective),
            from: match sysctl {
                Some(sysctl) if sysctl != effective => Some(SettingFrom::Socket),
                _ => None,
            },
        }
    }
}

/// Keepalive settings and state of one socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// `SO_KEEPALIVE` (flag `SOCK_KEEPOPEN`).
    pub enabled: Option<bool>,
    /// Silence before the first probe, in seconds (`TCP_KEEPIDLE`).
    pub idle: Setting,
    /// Time between probes, in seconds (`TCP_KEEPINTVL`).
    pub interval: Setting,
    /// Unanswered probes before the connection is given up (`TCP_KEEPCNT`).
    pub probes: Setting,
    /// `TCP_USER_TIMEOUT` in milliseconds, 0 for none.
    pub user_timeout_ms: Option<u32>,
    /// Time until the next probe leaves; `None` also where none will.
    pub next_probe_ms: Option<u64>,
    /// Time until the armed keepalive timer fires, whatever it will do then; `None` where none is armed,
    /// or another timer hides it.
    pub timer_ms: Option<u64>,
    /// Keepalive probes without an answer; `None` where the kernel counts probes of a closed window in
    /// the same place.
    pub unanswered: Option<u32>,
}

impl Keepalive {
    /// Value that the socket holds for an option, in the option's own unit, as getsockopt answers.
    #[must_use]
    pub fn value_of(&self, option: KeepaliveOption) -> Option<u32> {
        match option {
            KeepaliveOption::Keepalive => self.enabled.map(u32::from),
            KeepaliveOption::Idle => self.idle.value,
            KeepaliveOption::Interval => self.interval.value,
            KeepaliveOption::Probes => self.probes.value,
            KeepaliveOption::UserTimeout => self.user_timeout_ms,
        }
    }

    /// The longest that a dead peer stays unnoticed on a silent connection, in seconds from the
    /// last packet heard. `None` with keepalive off (never noticed) or a value unknown.
    ///
    /// Without `TCP_USER_TIMEOUT` the kernel gives up when it would send probe number
    /// `probes + 1`. With it, the probe count does not matter: it gives up at the first firing
    /// after a probe at which the silence has reached the timeout.
    ///
    /// The first probe leaves when the idle time is over. If the last packet heard answered a probe
    /// and the interval is longer than that, it leaves when the interval is over.
    #[must_use]
    pub fn detect_s(&self) -> Option<u64> {
        if !self.enabled? {
            return None;
        }
        let idle_s = u64::from(self.idle.value?);
        let interval_s = u64::from(self.interval.value?);
        let user_timeout_ms = u64::from(self.user_timeout_ms?);
        let latest_s = idle_s.max(interval_s);
        if user_timeout_ms == 0 {
            // A sysctl may say 0 probes: the first firing then gives up without one.
            return Some(latest_s + interval_s * u64::from(self.probes.value?));
        }
        // A sysctl may say 0 s between probes; the timer then fires at the next tick.
        let interval_ms = (interval_s * 1000).max(1);
        // Of the timer, after a first probe.
        let firings = |first_s: u64| {
            let missing_ms = user_timeout_ms.saturating_sub(first_s * 1000);
            missing_ms.div_ceil(interval_ms).max(1)
        };
        if firings(idle_s) == firings(latest_s) {
            return Some(latest_s + interval_s * firings(latest_s));
        }
        // Some first probe between the two leaves a millisecond too early for the timeout.
        let just_missed_s = (user_timeout_ms - 1).div_ceil(1000) + interval_s;
        Some(just_missed_s.max(latest_s + interval_s * firings(latest_s)))
    }

    /// True where the first firing ends the connection without a probe: `tcp_keepalive_probes` is 0, and
    /// no `TCP_USER_TIMEOUT` decides in its place. `None` where that cannot be told.
    #[must_use]
    pub fn ends_without_probe(&self) -> Option<bool> {
        match (self.enabled, self.probes.value, self.user_timeout_ms) {
            (Some(false), ..) | (_, Some(1..), _) | (_, _, Some(1..)) => Some(false),
            (Some(true), Some(0), Some(0)) => Some(true),
            _ => None,
        }
    }

    /// `true` where a probe value was set on the socket itself. `None` where that cannot be told.
    #[must_use]
    pub fn values_set(&self) -> Option<bool> {
        let settings = [self.idle, self.interval, self.probes];
        if settings.iter().any(|s| s.from == Some(SettingFrom::Socket)) {
            return Some(true);
        }
        settings
            .iter()
            .all(|s| s.from == Some(SettingFrom::Sysctl))
            .then_some(false)
    }
}

/// State of the keepalive timer, from which the next probe follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerState {
    /// Time until the timer fires, in milliseconds.
    pub expires_ms: u64,
    /// Time since the peer was last heard, in milliseconds.
    pub heard_ms: u64,
    /// Effective silence before the first probe, in milliseconds.
    pub idle_ms: u64,
    /// Effective probe count.
    pub probes: u32,
    /// `TCP_USER_TIMEOUT` in milliseconds, 0 for none.
    pub user_timeout_ms: u64,
    /// Unanswered probes.
    pub unanswered: u32,
}

impl TimerState {
    /// Time until the next probe leaves, if nothing is heard before; `None` where the kernel
    /// gives the connection up instead.
    ///
    /// The timer is re-armed for the rest when it fires and the silence was interrupted, so the
    /// probe leaves when both the timer is due and the silence long enough. The caller has
    /// excluded data in flight, which stops probing.
    #[must_use]
    pub fn next_probe_ms(&self) -> Option<u64> {
        let silent_enough_ms = self.idle_ms.saturating_sub(self.heard_ms);
        let due_ms = self.expires_ms.max(silent_enough_ms);
        let elapsed_ms = self.heard_ms + due_ms;
        let gives_up = if self.user_timeout_ms == 0 {
            self.unanswered >= self.probes
        } else {
            self.unanswered > 0 && elapsed_ms >= self.user_timeout_ms
        };
        (!gives_up).then_some(due_ms)
    }
}

#[cfg(test)]
#[path = "keepalive_simulated.rs"]
mod simulated;

#[cfg(test)]
mod tests {
    use super::*;

    fn keepalive(idle: u32, interval: u32, probes: u32, user_timeout_ms: u32) -> Keepalive {
        let own = |value| Setting::from_kernel(value, Some(1));
        Keepalive {
            enabled: Some(true),
            idle: own(idle),
            interval: own(interval),
            probes: own(probes),
            user_timeout_ms: Some(user_timeout_ms),
            ..Keepalive::default()
        }
    }

    #[test]
    fn detect_counts_probes_without_user_timeout() {
        assert_eq!(keepalive(7200, 75, 9, 0).detect_s(), Some(7875));
        assert_eq!(keepalive(60, 60, 100, 0).detect_s(), Some(6060));
        assert_eq!(keepalive(15, 15, 9, 0).detect_s(), Some(150));
        // It answers a probe and dies: the next one leaves 75 s later.
        assert_eq!(keepalive(60, 75, 9, 0).detect_s(), Some(750));
    }

    #[test]
    fn detect_with_user_timeout_ignores_the_count_and_waits_for_a_probe() {
        // Shorter than the idle time: the first probe still goes out, the next firing ends it.
        assert_eq!(keepalive(60, 10, 9, 4).detect_s(), Some(70));
        assert_eq!(keepalive(60, 10, 9, 70_000).detect_s(), Some(70));
        assert_eq!(keepalive(60, 10, 9, 70_001).detect_s(), Some(80));
        assert_eq!(keepalive(60, 10, 1, 600_000).detect_s(), Some(600));
        // It answers a probe and dies: at 150 s there is a probe and the timeout is over.
        assert_eq!(keepalive(60, 75, 9, 100_000).detect_s(), Some(150));
        // It says something 10 s after a probe and dies: probes after 65 s and 140 s, the end after
        // 215 s. The longest is when the one after 140 s is just too early.
        assert_eq!(keepalive(60, 75, 9, 140_000).detect_s(), Some(215));
    }

    #[test]
    fn detect_is_none_when_off_or_unknown() {
        let mut off = keepalive(60, 10, 9, 0);
        off.enabled = Some(false);
        assert_eq!(off.detect_s(), None);
        let mut unknown = keepalive(60, 10, 9, 0);
        unknown.interval.value = None;
        assert_eq!(unknown.detect_s(), None);
    }

    fn timer(expires_ms: u64, heard_ms: u64, unanswered: u32) -> TimerState {
        TimerState {
            expires_ms,
            heard_ms,
            idle_ms: 60_000,
            probes: 3,
            user_timeout_ms: 0,
            unanswered,
        }
    }

    #[test]
    fn the_pending_timer_is_a_lower_bound_of_the_next_probe() {
        assert_eq!(timer(30_000, 30_000, 0).next_probe_ms(), Some(30_000));
        // Heard 10 s ago: the firing in 30 s only re-arms for the rest.
        assert_eq!(timer(30_000, 10_000, 0).next_probe_ms(), Some(50_000));
        // TCP_KEEPIDLE was lowered while the old timer still runs.
        assert_eq!(timer(30_000, 90_000, 0).next_probe_ms(), Some(30_000));
    }

    #[test]
    fn no_probe_follows_when_the_connection_is_given_up() {
        assert_eq!(timer(5_000, 80_000, 2).next_probe_ms(), Some(5_000));
        assert_eq!(timer(5_000, 80_000, 3).next_probe_ms(), None);
        let mut with_timeout = timer(5_000, 80_000, 1);
        with_timeout.user_timeout_ms = 85_000;
        assert_eq!(with_timeout.next_probe_ms(), None);
        with_timeout.user_timeout_ms = 85_001;
        assert_eq!(with_timeout.next_probe_ms(), Some(5_000));
    }

    #[test]
    fn settings_say_where_they_come_from() {
        assert_eq!(
            Setting::from_kernel(0, Some(7200)),
            Setting {
                value: Some(7200),
                from: Some(SettingFrom::Sysctl)
            }
        );
        assert_eq!(Setting::from_getsockopt(7200, Some(7200)).from, None);
        assert_eq!(
            Setting::from_getsockopt(60, Some(7200)).from,
            Some(SettingFrom::Socket)
        );
        assert_eq!(Setting::from_getsockopt(60, None).from, None);
    }
}
