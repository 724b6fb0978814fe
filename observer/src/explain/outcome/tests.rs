use super::*;
use crate::host::SocketLimits;
use crate::model::testing::socket;
use crate::model::{Direction, Idle, Setting, SettingFrom, Timer};
use crate::policy::Policy;

fn outcome_with(socket: &Socket, facts: &ExplainFacts) -> Outcome {
    outcome(socket, &Policy::default().judge(socket), facts)
}

fn outcome_of(socket: &Socket) -> Outcome {
    outcome_with(socket, &ExplainFacts::default())
}

/// Unprotected, silent for so long.
fn quiet(seconds: u64) -> Socket {
    let ms = Some(seconds * 1000);
    Socket {
        idle: Idle {
            sent_ms: ms,
            received_ms: ms,
            ack_ms: ms,
            probe_ms: None,
            peer_probe_ms: None,
            segment_ms: None,
            peer_keeps_alive: false,
            last_data: Some(Direction::Sent),
        },
        ..socket()
    }
}

fn own(value: u32) -> Setting {
    Setting {
        value: Some(value),
        from: Some(SettingFrom::Socket),
    }
}

fn keepalive(mut socket: Socket, idle_s: u32, next_ms: u64) -> Socket {
    socket.keepalive.enabled = Some(true);
    socket.keepalive.idle = own(idle_s);
    socket.keepalive.next_probe_ms = Some(next_ms);
    socket
}

fn assert_says(outcome: &Outcome, kind: OutcomeKind, in_ms: Option<u64>, parts: &[&str]) {
    assert_eq!((outcome.kind, outcome.in_ms), (kind, in_ms), "{outcome:?}");
    for part in parts {
        assert!(outcome.text.contains(part), "{part:?} not in {outcome:?}");
    }
}

#[test]
fn unprotected() {
    let parts = [
        "No packet for 212 s; the path forgets it in 138 s (aws-nlb), unless something is sent.",
        "hangs for ever",
        "because keepalive is off",
    ];
    assert_says(
        &outcome_of(&quiet(212)),
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &parts,
    );
    let parts = ["already forgotten it, 40 s ago", "hangs for ever"];
    assert_says(
        &outcome_of(&quiet(390)),
        OutcomeKind::Forgotten,
        None,
        &parts,
    );
}

#[test]
fn a_read_timeout_ends_what_would_hang() {
    let facts = ExplainFacts {
        limits: Some(SocketLimits {
            non_blocking: Some(false),
            receive_timeout_ms: Some(5000),
            ..SocketLimits::default()
        }),
        ..ExplainFacts::default()
    };
    let outcome = outcome_with(&quiet(212), &facts);
    let parts = ["a read ends after 5 s by SO_RCVTIMEO"];
    assert_says(
        &outcome,
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &parts,
    );
    assert!(!outcome.text.contains("hangs"));
}

#[test]
fn late_by_its_interval() {
    let mut socket = keepalive(quiet(212), 60, 388_000);
    socket.keepalive.interval = own(600);
    let parts = [
        "the path forgets it in 138 s",
        "its next probe goes out in 388 s, too late",
        "After a probe the next one comes 600 s later",
    ];
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &parts,
    );
}

#[test]
fn late() {
    let mut socket = keepalive(quiet(212), 7200, 6_988_000);
    socket.keepalive.idle.from = Some(SettingFrom::Sysctl);
    let parts = [
        "the path forgets it in 138 s",
        "its first probe goes out in 1h56m, too late",
        // 6988 s and nine intervals of 75 s.
        "ETIMEDOUT in 2h7m",
        "after the system's 7200 s",
    ];
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &parts,
    );
    socket.keepalive.idle = own(400);
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &["to 400 s, which is not below"],
    );
}

#[test]
fn protected() {
    let mut socket = keepalive(quiet(48), 60, 12_000);
    let parts = [
        "A probe goes out in 12 s, before the path forgets it (350 s of silence)",
        "noticed at most 12m30s after",
    ];
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Protected,
        Some(12_000),
        &parts,
    );
    socket.in_flight = Some(true);
    socket.keepalive.next_probe_ms = None;
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Protected,
        None,
        &["keepalive does not run until it is acknowledged"],
    );
}

#[test]
fn exempt() {
    let mut socket = quiet(4000);
    socket.remote = "127.0.0.1:80".parse().unwrap();
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Exempt,
        None,
        &["loopback"],
    );
    socket.remote = "192.0.2.1:80".parse().unwrap();
    socket.peer_is_local = Some(true);
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Exempt,
        None,
        &["same network namespace"],
    );
}

#[test]
fn probing() {
    let mut socket = keepalive(quiet(75), 60, 15_000);
    socket.keepalive.unanswered = Some(1);
    socket.keepalive.probes = own(3);
    // The second and third leave in 15 and 90 s, and the timer fires once more.
    let parts = ["1 keepalive probe is unanswered", "gives up in 165 s"];
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Probing,
        Some(165_000),
        &parts,
    );
    socket.keepalive.user_timeout_ms = Some(100_000);
    // At 90 s of silence the timer fires, at 165 s the timeout is over.
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Probing,
        Some(90_000),
        &[],
    );
    // The last one: the kernel gives up instead.
    socket.keepalive.user_timeout_ms = Some(0);
    socket.keepalive.unanswered = Some(3);
    socket.keepalive.next_probe_ms = None;
    socket.timer = Some(Timer {
        kind: TimerKind::Keepalive,
        expires_ms: 4000,
        ..Timer::OFF
    });
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Probing,
        Some(4000),
        &["3 keepalive probes are"],
    );
}

#[test]
fn retransmitting() {
    let mut socket = quiet(3);
    socket.in_flight = Some(true);
    socket.timer = Some(Timer {
        kind: TimerKind::On,
        expires_ms: 408,
        retransmits: 1,
        unanswered: 0,
    });
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Retransmitting,
        None,
        &["sent again once", "write limit"],
    );
    let mut facts = crate::explain::layers::tests::facts();
    facts.sysctls.as_mut().unwrap().retries2 = 3;
    let limits = facts.limits.as_mut().unwrap();
    (limits.rto_ms, limits.backoff) = (Some(408), Some(1));
    let outcome = outcome_with(&socket, &facts);
    assert_says(
        &outcome,
        OutcomeKind::Retransmitting,
        Some(6120),
        &["about 6.1 s (tcp_retries2)"],
    );
}

#[test]
fn kept_by_the_peer() {
    let mut kept_alive = quiet(300);
    kept_alive.idle.peer_keeps_alive = true;
    let outcome = outcome_of(&kept_alive);
    assert_says(
        &outcome,
        OutcomeKind::KeptByPeer,
        None,
        &["The peer's keepalive probes"],
    );
}

#[test]
fn what_its_owner_should_know() {
    let mut socket = quiet(212);
    socket.keepalive.idle = own(60);
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &["SO_KEEPALIVE is not: no probe"],
    );
    socket.keepalive.user_timeout_ms = Some(30);
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &["TCP_USER_TIMEOUT is 30 ms, most likely meant in seconds"],
    );
    socket.state = State::CloseWait;
    let outcome = outcome_of(&socket);
    assert_says(
        &outcome,
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &["no read hangs", "The peer has closed its end"],
    );
    socket.state = State::FinWait2;
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &["This end is closed"],
    );
}

#[test]
fn what_is_no_connection() {
    let mut socket = quiet(1);
    socket.state = State::Listen;
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::NotConnected,
        None,
        &["It listens"],
    );
    socket.state = State::SynSent;
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Connecting,
        None,
        &["sent again 0 times"],
    );
    socket.state = State::LastAck;
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::NotConnected,
        None,
        &["last-ack"],
    );
}

#[test]
fn what_no_process_holds() {
    let mut socket = quiet(212);
    socket.owners.clear();
    let parts = ["whoever holds it hangs"];
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &parts,
    );
    socket.kernel_owned = Some(true);
    let parts = ["what holds it in the kernel hangs"];
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::WillBeForgotten,
        Some(138_000),
        &parts,
    );
    socket.state = State::FinWait2;
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::NotConnected,
        None,
        &["No process holds it"],
    );
}

#[test]
fn what_is_not_known_is_not_foretold() {
    let mut socket = quiet(212);
    socket.keepalive.enabled = None;
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Unknown,
        None,
        &["is not known"],
    );
    let mut socket = quiet(212);
    socket.idle = Idle::default();
    assert_says(
        &outcome_of(&socket),
        OutcomeKind::Unknown,
        None,
        &["is not known"],
    );
}
