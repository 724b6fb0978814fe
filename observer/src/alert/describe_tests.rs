use super::*;
use crate::model::testing::socket;
use crate::model::{Setting, SettingFrom, Socket};
use crate::policy::{Judged, Policy};

fn fix_of(change: impl FnOnce(&mut Socket)) -> String {
    let mut socket = socket();
    change(&mut socket);
    fix(&Flagged {
        judged: Judged::by(&Policy::default(), socket),
        workload: "a".into(),
    })
}

fn own(value: u32) -> Setting {
    Setting {
        value: Some(value),
        from: Some(SettingFrom::Socket),
    }
}

#[test]
fn the_fix_follows_from_what_is_wrong() {
    const ALL: &str = "TCP_KEEPIDLE=60, TCP_KEEPINTVL=15 and TCP_KEEPCNT=4";
    assert_eq!(fix_of(|_| ()), format!("turn SO_KEEPALIVE on, with {ALL}"));
    assert_eq!(
        fix_of(|socket| socket.keepalive.idle = own(60)),
        format!(
            "turn SO_KEEPALIVE on: values were set on the socket, but they do nothing without it; good ones are {ALL}"
        )
    );
    assert_eq!(
        fix_of(|socket| socket.keepalive.enabled = Some(true)),
        format!(
            "set {ALL} on the socket, or lower net.ipv4.tcp_keepalive_time (now 7200) to 60 in its network namespace"
        )
    );
    assert_eq!(
        fix_of(|socket| {
            socket.keepalive.enabled = Some(true);
            socket.keepalive.idle = own(600);
        }),
        "lower TCP_KEEPIDLE (now 600) to 60"
    );
    assert_eq!(
        fix_of(|socket| {
            socket.keepalive.enabled = Some(true);
            socket.keepalive.idle = own(60);
            socket.keepalive.interval = own(600);
        }),
        "lower TCP_KEEPINTVL (now 600) to 15"
    );
    assert_eq!(
        fix_of(|socket| {
            socket.keepalive.enabled = Some(true);
            socket.keepalive.idle = own(600);
            socket.keepalive.interval = own(600);
        }),
        format!("set {ALL} on the socket")
    );
    assert_eq!(
        fix_of(|socket| {
            socket.keepalive.enabled = Some(true);
            socket.keepalive.idle.from = None;
        }),
        format!("set {ALL} on the socket")
    );
    assert_eq!(
        fix_of(|socket| {
            socket.keepalive.enabled = Some(true);
            socket.keepalive.interval.value = Some(600);
        }),
        format!(
            "set {ALL} on the socket, or lower net.ipv4.tcp_keepalive_time (now 7200) to 60 and net.ipv4.tcp_keepalive_intvl (now 600) to 15 in its network namespace"
        )
    );
    let protected = |socket: &mut Socket| {
        socket.keepalive.enabled = Some(true);
        socket.keepalive.idle = own(60);
    };
    assert_eq!(
        fix_of(protected),
        "none in the program: keepalive works; look at the peer and at the path to it"
    );
}

#[test]
fn a_holder_that_is_no_process_is_named() {
    let mut flagged = Flagged {
        judged: Judged::by(&Policy::default(), socket()),
        workload: "a".into(),
    };
    flagged.judged.socket.owners.clear();
    assert_eq!(
        holder(&flagged),
        "held by no process that is known, local port 51122"
    );
    flagged.judged.socket.kernel_owned = Some(true);
    assert_eq!(holder(&flagged), "held by the kernel, local port 51122");
}
