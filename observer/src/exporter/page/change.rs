//! The remedy of a socket, in a few words.

use crate::model::SettingFrom;
use crate::policy::remedy::{Change, KeepaliveRemedy, KeepaliveSetting, PeerFault, SettingChanges};
use crate::policy::{JudgedRef, Reason, Remedy};

/// Why it is as it is, and what would change it; empty where nothing needs to.
pub(super) fn change(judged: &JudgedRef<'_>) -> String {
    let remedy = Remedy::of(judged.socket, &judged.judgement);
    let mut parts = Vec::new();
    if remedy.tiny_user_timeout_ms.is_some() {
        parts.push("TCP_USER_TIMEOUT is below three seconds: it counts milliseconds".to_owned());
    }
    match (remedy.peer, &remedy.keepalive) {
        (Some(PeerFault::DataUnacknowledged), _) => {
            parts.push("its data is not acknowledged: is the other end there?".to_owned());
        }
        (Some(PeerFault::ProbesUnanswered), _) => {
            parts.push("its probes are not answered: is the other end there?".to_owned());
        }
        (None, KeepaliveRemedy::NotNeeded) => {}
        (None, KeepaliveRemedy::Unknown(_)) => {
            parts.push("a value that decides is unknown".to_owned());
        }
        (None, KeepaliveRemedy::NotCounted) => {
            parts.push(
                "keepalive does not count there: a heartbeat of the protocol does".to_owned(),
            );
        }
        (None, KeepaliveRemedy::LimitTooShort(_)) => {
            parts.push("no keepalive time is below a limit this short".to_owned());
        }
        (None, KeepaliveRemedy::Protects(changes)) => {
            let values_set = judged
                .judgement
                .reasons
                .contains(Reason::ValuesWithoutSwitch);
            parts.push(format!(
                "{}: set {}",
                faults(changes, values_set).join(", and "),
                options(changes).join(" and ")
            ));
        }
    }
    parts.join("; ")
}

/// Faults of the settings that are to be changed. Where keepalive is off, nothing else is:
/// other values have done no harm yet.
fn faults(changes: &SettingChanges, values_set: bool) -> Vec<&'static str> {
    if changes.turn_on() {
        return vec![if values_set {
            "keepalive values are set, but it is off"
        } else {
            "keepalive is off"
        }];
    }
    let fault = |change: &Change| match change {
        Change::Set { setting, now, .. } => match (setting, now.from) {
            (KeepaliveSetting::Idle, Some(SettingFrom::Sysctl)) => {
                Some("its idle time is the system's")
            }
            (KeepaliveSetting::Idle, _) => Some("its idle time is not below the limit"),
            (KeepaliveSetting::Interval, _) => {
                Some("the time between its probes is not below the limit")
            }
            (KeepaliveSetting::Probes, _) => Some("it sends no probe"),
        },
        Change::TurnOn => None,
    };
    changes.needed.iter().filter_map(fault).collect()
}

/// Options to set, with their values.
fn options(changes: &SettingChanges) -> Vec<String> {
    let option = |change: &Change| match change {
        Change::TurnOn => "SO_KEEPALIVE".to_owned(),
        Change::Set { setting, to, .. } => format!("{} {to}", setting.option()),
    };
    changes.needed.iter().map(option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Socket;
    use crate::model::testing::socket;
    use crate::policy::Judged;
    use crate::policy::Policy;

    fn words(change_socket: fn(&mut Socket)) -> String {
        let mut socket = socket();
        change_socket(&mut socket);
        let policy = Policy::default();
        change(&Judged::by(&policy, &socket))
    }

    #[test]
    fn each_fault_has_its_change() {
        assert_eq!(
            words(|_| {}),
            "keepalive is off: set SO_KEEPALIVE and TCP_KEEPIDLE 60"
        );
        assert_eq!(
            words(|s| s.keepalive.enabled = Some(true)),
            "its idle time is the system's: set TCP_KEEPIDLE 60"
        );
        assert_eq!(
            words(|s| {
                s.keepalive.enabled = Some(true);
                s.keepalive.idle.value = Some(600);
                s.keepalive.idle.from = Some(SettingFrom::Socket);
            }),
            "its idle time is not below the limit: set TCP_KEEPIDLE 60"
        );
        assert_eq!(
            words(|s| {
                s.keepalive.enabled = Some(true);
                s.keepalive.idle.value = Some(60);
                s.keepalive.interval.value = Some(600);
            }),
            "the time between its probes is not below the limit: set TCP_KEEPINTVL 15"
        );
        assert_eq!(
            words(|s| s.keepalive.idle.from = Some(SettingFrom::Socket)),
            "keepalive values are set, but it is off: set SO_KEEPALIVE and TCP_KEEPIDLE 60"
        );
        assert_eq!(
            words(|s| {
                s.keepalive.idle.value = Some(60);
                s.keepalive.idle.from = Some(SettingFrom::Socket);
            }),
            "keepalive values are set, but it is off: set SO_KEEPALIVE"
        );
        assert_eq!(
            words(|s| {
                s.keepalive.enabled = Some(true);
                s.keepalive.interval.value = Some(600);
            }),
            "its idle time is the system's, and the time between its probes is not below the limit: set TCP_KEEPIDLE 60 and TCP_KEEPINTVL 15"
        );
        assert!(words(|s| s.keepalive.user_timeout_ms = Some(30)).starts_with("TCP_USER_TIMEOUT"));
        assert_eq!(
            words(|s| {
                s.keepalive.enabled = Some(true);
                s.keepalive.idle.value = Some(60);
            }),
            ""
        );
        assert_eq!(
            words(|s| s.keepalive.enabled = None),
            "a value that decides is unknown"
        );
    }
}
