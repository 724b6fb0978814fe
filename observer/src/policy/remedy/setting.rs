//! Keepalive settings to change, and the values that they get.

use crate::model::{Keepalive, Setting, SettingFrom, Socket};
use crate::policy::forecast;
use crate::policy::path::PathLimit;

/// A keepalive setting with a value, beside the switch `SO_KEEPALIVE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeepaliveSetting {
    /// Silence before the first probe.
    Idle,
    /// Time between probes.
    Interval,
    /// Number of unanswered probes before the connection is given up.
    Probes,
}

impl KeepaliveSetting {
    /// Every setting, in the order in which a program sets them.
    pub const ALL: [Self; 3] = [Self::Idle, Self::Interval, Self::Probes];

    /// Name of the socket option.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::Idle => "TCP_KEEPIDLE",
            Self::Interval => "TCP_KEEPINTVL",
            Self::Probes => "TCP_KEEPCNT",
        }
    }

    /// Name of the sysctl that holds for sockets without a value of their own.
    #[must_use]
    pub const fn sysctl(self) -> &'static str {
        match self {
            Self::Idle => "net.ipv4.tcp_keepalive_time",
            Self::Interval => "net.ipv4.tcp_keepalive_intvl",
            Self::Probes => "net.ipv4.tcp_keepalive_probes",
        }
    }

    /// Its effective value on a socket.
    #[must_use]
    pub const fn of(self, keepalive: &Keepalive) -> Setting {
        match self {
            Self::Idle => keepalive.idle,
            Self::Interval => keepalive.interval,
            Self::Probes => keepalive.probes,
        }
    }
}

/// Keepalive values that are advised for a path, in the units of the socket options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepaliveValues {
    /// Silence before the first probe, in seconds.
    pub idle_s: u32,
    /// Time between probes, in seconds.
    pub interval_s: u32,
    /// Unanswered probes before the connection is given up.
    pub probes: u32,
}

/// Idle time for most paths, in seconds: three probes fit into the shortest limit of the profiles.
const USUAL_IDLE_S: u32 = 60;

impl KeepaliveValues {
    /// Values for a path that forgets after so many seconds: the first probe leaves at half of it
    /// at the latest, so that one may be lost. The kernel takes no time below 1 s.
    #[must_use]
    pub fn for_limit(limit_s: u64) -> Self {
        let half_s = u32::try_from(limit_s / 2).unwrap_or(u32::MAX);
        let idle_s = match half_s {
            USUAL_IDLE_S.. => USUAL_IDLE_S,
            10.. => half_s / 5 * 5,
            _ => half_s.max(1),
        };
        Self {
            idle_s,
            interval_s: (idle_s / 4).max(1),
            probes: 4,
        }
    }

    /// The value of one setting.
    #[must_use]
    pub const fn get(&self, setting: KeepaliveSetting) -> u32 {
        match setting {
            KeepaliveSetting::Idle => self.idle_s,
            KeepaliveSetting::Interval => self.interval_s,
            KeepaliveSetting::Probes => self.probes,
        }
    }

    /// Sysctls with these values, for sockets without values of their own.
    #[must_use]
    pub fn sysctls(&self) -> [(&'static str, u64); 3] {
        KeepaliveSetting::ALL.map(|setting| (setting.sysctl(), self.get(setting).into()))
    }
}

/// A change of one keepalive setting of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Set `SO_KEEPALIVE`.
    TurnOn,
    /// Give a setting another value.
    Set {
        /// The setting.
        setting: KeepaliveSetting,
        /// Its effective value until then.
        now: Setting,
        /// Its value from then on.
        to: u32,
    },
}

/// Changes of keepalive settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChanges {
    /// Those that are needed, in the order in which a program makes them: settings that are good
    /// stay as they are.
    pub needed: Vec<Change>,
    /// All values that are advised for the path, for a program that sets them anew.
    pub values: KeepaliveValues,
}

impl SettingChanges {
    /// Changes after which keepalive is on, with an idle time and an interval below the limit. A
    /// setting that is not known is set.
    pub(super) fn for_limit(socket: &Socket, path: &PathLimit, limit_s: u64) -> Self {
        let keepalive = &socket.keepalive;
        let values = KeepaliveValues::for_limit(limit_s);
        let switch = (keepalive.enabled != Some(true)).then_some(Change::TurnOn);
        // To set TCP_KEEPIDLE arms the timer anew, for the rest of the silence; the switch arms it for
        // the whole idle time, and nothing else moves one that is armed.
        let must_rearm = match switch {
            Some(_) => forecast::would_be_late_if_armed_now(socket, path),
            None => forecast::next_is_in_time(socket, path) == Some(false),
        };
        let settings = KeepaliveSetting::ALL.into_iter().filter_map(|setting| {
            let now = setting.of(keepalive);
            let good = match setting {
                KeepaliveSetting::Idle if must_rearm => false,
                KeepaliveSetting::Idle | KeepaliveSetting::Interval => {
                    now.value.is_some_and(|s| u64::from(s) < limit_s)
                }
                // A sysctl of 0 probes ends the connection when the first should leave.
                KeepaliveSetting::Probes => now.value.is_some_and(|probes| probes > 0),
            };
            let to = values.get(setting);
            (!good).then_some(Change::Set { setting, now, to })
        });
        Self {
            needed: switch.into_iter().chain(settings).collect(),
            values,
        }
    }

    /// Fitness of the times that are to be set: all are below the limit.
    pub(super) fn fit_below(&self, limit_s: u64) -> bool {
        self.needed.iter().all(|change| match change {
            Change::Set {
                setting: KeepaliveSetting::Idle | KeepaliveSetting::Interval,
                to,
                ..
            } => u64::from(*to) < limit_s,
            Change::TurnOn | Change::Set { .. } => true,
        })
    }

    /// Need to set `SO_KEEPALIVE`, known or possible.
    #[must_use]
    pub fn turn_on(&self) -> bool {
        self.needed.contains(&Change::TurnOn)
    }

    /// Sufficiency of the sysctls of the socket's network namespace, for connections made
    /// from then on: the program turns keepalive on and leaves to them what is to be changed.
    /// `None` where that is not known.
    #[must_use]
    pub fn sysctls_suffice(&self, keepalive: &Keepalive) -> Option<bool> {
        if !keepalive.enabled? {
            return Some(false);
        }
        let mut unknown = false;
        for change in &self.needed {
            let Change::Set { now, .. } = change else {
                continue;
            };
            match now.from {
                Some(SettingFrom::Socket) => return Some(false),
                Some(SettingFrom::Sysctl) => {}
                None => unknown = true,
            }
        }
        (!unknown).then_some(true)
    }
}
