//! What to change about a socket, in a few words.

use crate::explain::advice::Values;
use crate::policy::verdict::is_late_by_interval;
use crate::policy::{Health, JudgedRef, Reason, Verdict};

/// Why it is as it is, and what would change it; empty where nothing needs to.
pub(super) fn change(judged: &JudgedRef<'_>) -> String {
    let judgement = &judged.judgement;
    let has = |reason| judgement.reasons.contains(reason);
    let Values {
        idle_s, interval_s, ..
    } = Values::for_limit(judgement.path.limit_s);
    let mut words = Vec::new();
    if has(Reason::TinyUserTimeout) {
        words.push("TCP_USER_TIMEOUT is below a second: it counts milliseconds".to_owned());
    }
    match (judgement.health, judgement.verdict) {
        (Some(Health::Retransmitting), _) => {
            words.push("its data is not acknowledged: is the other end there?".to_owned());
        }
        (Some(Health::Probing), _) => {
            words.push("its probes are not answered: is the other end there?".to_owned());
        }
        (_, Some(Verdict::Unprotected)) if has(Reason::ValuesWithoutSwitch) => {
            words.push("keepalive values are set, but it is off: set SO_KEEPALIVE".to_owned());
        }
        (_, Some(Verdict::Unprotected)) => words.push(format!(
            "keepalive is off: set SO_KEEPALIVE and TCP_KEEPIDLE {idle_s}"
        )),
        (_, Some(Verdict::Late)) if has(Reason::SystemDefault) => words.push(format!(
            "its idle time is the system's: set TCP_KEEPIDLE {idle_s}"
        )),
        (_, Some(Verdict::Late)) if is_late_by_interval(judged.socket, judgement.path.limit_s) => {
            words.push(format!(
                "the time between its probes is not below the limit: set TCP_KEEPINTVL {interval_s}"
            ));
        }
        (_, Some(Verdict::Late)) => words.push(format!(
            "its idle time is not below the limit: set TCP_KEEPIDLE {idle_s}"
        )),
        (_, None) => words.push("a value that decides is unknown".to_owned()),
        (_, Some(Verdict::Protected | Verdict::Exempt)) => {}
    }
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SettingFrom, Socket};
    use crate::policy::Judged;
    use crate::policy::Policy;
    use crate::policy::testing::socket;

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
            "keepalive values are set, but it is off: set SO_KEEPALIVE"
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
