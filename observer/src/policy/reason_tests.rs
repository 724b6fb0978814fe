use super::*;
use crate::model::testing;
use crate::policy::remedy::KeepaliveRemedy;
use crate::policy::{PathPolicy, Policy, Remedy};

fn with(change: impl FnOnce(&mut Socket)) -> Socket {
    let mut socket = testing::socket();
    change(&mut socket);
    socket
}

fn on(idle_s: u32, from: SettingFrom) -> Socket {
    with(|s| {
        s.keepalive.enabled = Some(true);
        s.keepalive.idle = Setting {
            value: Some(idle_s),
            from: Some(from),
        };
    })
}

fn reasons(socket: &Socket) -> Vec<&'static str> {
    let reasons = Reasons::of(socket, &PathLimit::of(Some(350)));
    reasons.iter().map(Reason::name).collect()
}

/// A socket for which each reason holds.
fn example(reason: Reason) -> Socket {
    match reason {
        Reason::Off => with(|_| ()),
        Reason::ValuesWithoutSwitch => with(|s| {
            s.keepalive.interval.from = Some(SettingFrom::Socket);
        }),
        Reason::SystemDefault => on(7200, SettingFrom::Sysctl),
        Reason::IdleAboveLimit => on(350, SettingFrom::Socket),
        Reason::IntervalAboveLimit => {
            let mut socket = on(60, SettingFrom::Socket);
            socket.keepalive.interval.value = Some(350);
            socket
        }
        Reason::InFlight => with(|s| s.in_flight = Some(true)),
        Reason::TinyUserTimeout => with(|s| s.keepalive.user_timeout_ms = Some(30)),
        Reason::PeerKeepsAlive => with(|s| s.idle.peer_keeps_alive = true),
        Reason::TimerTooLate => {
            let mut socket = on(60, SettingFrom::Sysctl);
            socket.keepalive.timer_ms = Some(7_000_000);
            socket
        }
        Reason::NoProbes => {
            let mut socket = on(60, SettingFrom::Sysctl);
            socket.keepalive.probes.value = Some(0);
            socket
        }
        Reason::KeepaliveNotCounted => on(60, SettingFrom::Socket),
    }
}

/// The path on which it does.
fn path(reason: Reason) -> PathLimit {
    let counts = match reason {
        Reason::KeepaliveNotCounted => Counts::Payload,
        _ => Counts::Segments,
    };
    PathLimit {
        counts,
        ..PathLimit::of(Some(350))
    }
}

/// The set had eight bits once, and the ninth would have been the first.
#[test]
fn each_reason_has_a_place_of_its_own() {
    for reason in Reason::ALL {
        let set = Reasons::of(&example(reason), &path(reason));
        assert!(set.contains(reason), "{}", reason.name());
        assert_eq!(Reasons(reason.bit()).iter().collect::<Vec<_>>(), [reason]);
    }
}

#[test]
fn names_are_unique_and_documented() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/json.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let rows: Vec<String> = Reason::ALL
        .into_iter()
        .map(|reason| format!("| `{}` | {} |", reason.name(), reason.meaning()))
        .collect();
    let expected = format!("| reason | fact |\n|---|---|\n{}\n\n", rows.join("\n"));
    assert!(docs.contains(&expected), "docs/json.md lacks:\n{expected}");
}

/// A remedy follows from each reason that is a fault.
#[test]
fn each_fault_has_a_remedy() {
    for reason in Reason::ALL {
        let socket = example(reason);
        let policy = match reason {
            Reason::KeepaliveNotCounted => Policy {
                path: PathPolicy::overridden("envoy".parse().unwrap()),
                ..Policy::default()
            },
            _ => Policy::default(),
        };
        let remedy = Remedy::of(&socket, &policy.judge(&socket));
        match reason.ended_by() {
            EndedBy::Keepalive => {
                assert!(matches!(remedy.keepalive, KeepaliveRemedy::Protects(_)));
            }
            EndedBy::UserTimeout => assert_eq!(remedy.tiny_user_timeout_ms, Some(30)),
            EndedBy::Traffic => assert_eq!(remedy.keepalive, KeepaliveRemedy::NotCounted),
            EndedBy::Nothing => {}
        }
    }
}

#[test]
fn reasons_name_the_facts() {
    assert_eq!(
        reasons(&with(|s| s.keepalive.enabled = Some(false))),
        ["off"]
    );
    assert_eq!(reasons(&on(7200, SettingFrom::Sysctl)), ["system-default"]);
    assert_eq!(reasons(&on(350, SettingFrom::Socket)), ["idle-above-limit"]);
    assert_eq!(reasons(&on(60, SettingFrom::Sysctl)), [] as [&str; 0]);
    let sdk = with(|s| {
        s.keepalive.enabled = Some(false);
        s.keepalive.interval.from = Some(SettingFrom::Socket);
    });
    assert_eq!(reasons(&sdk), ["off", "values-without-switch"]);
    let mut hurried = on(60, SettingFrom::Socket);
    hurried.keepalive.user_timeout_ms = Some(4);
    hurried.in_flight = Some(true);
    assert_eq!(reasons(&hurried), ["in-flight", "tiny-user-timeout"]);
    hurried.keepalive.user_timeout_ms = Some(2999);
    assert_eq!(reasons(&hurried), ["in-flight", "tiny-user-timeout"]);
    hurried.keepalive.user_timeout_ms = Some(3000);
    assert_eq!(reasons(&hurried), ["in-flight"]);
}
