//! Sockets that the test makes, scanned in both ways: every value equals getsockopt, the sysctls
//! of the namespace and `ss -o`, field by field.

#![expect(clippy::unwrap_used, reason = "a test")]

mod kit;

use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use kit::netns::{self, TestNetns};
use kit::options::{Options, Truth, inheritable};
use kit::sockets::Pair;
use kit::{Need, Timed, choices, find, require, scan, ss};
use observer::model::StateSet;
use observer::model::{Direction, Family, Setting, SettingFrom, Socket, State, TimerKind};
use observer::source::ScanChoice;

/// Compares a scan with getsockopt, `ss -o` and the test's own process.
fn assert_parity(choice: ScanChoice, socket: &Socket, stream: &TcpStream, set: &Options) {
    let truth = Truth::of(stream);
    let keepalive = &socket.keepalive;
    assert_eq!(keepalive.enabled, Some(truth.enabled), "{choice:?}");
    assert_eq!(keepalive.user_timeout_ms, Some(truth.user_timeout_ms));
    let settings = [
        ("idle", keepalive.idle, truth.idle_s, set.idle_s),
        (
            "interval",
            keepalive.interval,
            truth.interval_s,
            set.interval_s,
        ),
        ("probes", keepalive.probes, truth.probes, set.probes),
    ];
    for (name, found, effective, own) in settings {
        let from = match (choice, own) {
            (ScanChoice::Diag, None) => None,
            (_, None) => Some(SettingFrom::Sysctl),
            (_, Some(_)) => Some(SettingFrom::Socket),
        };
        let expected = Setting {
            value: Some(effective),
            from,
        };
        assert_eq!(found, expected, "{choice:?} {name}");
    }
    assert_eq!(socket.local, stream.local_addr().unwrap());
    assert_eq!(socket.remote, stream.peer_addr().unwrap());
    let owned = socket.owners.iter().any(|owner| {
        owner.pid == std::process::id() && i64::from(owner.fd) == i64::from(stream.as_raw_fd())
    });
    assert!(owned, "{choice:?} {:?}", socket.owners);
    assert_eq!(socket.uid, Some(0));
    assert_eq!(socket.peer_is_local, Some(true), "{choice:?}");
    assert_timer(choice, socket, &ss::timer(stream));
}

/// ss was asked just after the scan: what runs down may be a little less by then.
fn assert_timer(choice: ScanChoice, socket: &Socket, ss: &ss::SsTimer) {
    let timer = socket.timer.unwrap();
    let name = match timer.kind {
        // ss has another word for it.
        TimerKind::Probe => "persist",
        other => other.name(),
    };
    assert_eq!(name, ss.kind, "{choice:?}");
    if timer.kind == TimerKind::On && ss.retransmits == timer.retransmits + 1 {
        return; // sent again before ss looked
    }
    if timer.kind == TimerKind::On {
        assert_eq!(timer.retransmits, ss.retransmits, "{choice:?}");
    }
    let left = Duration::from_millis(timer.expires_ms);
    if left < Duration::from_millis(500) {
        return; // it may have fired before ss looked
    }
    let slack = Duration::from_secs(1);
    assert!(
        left + Duration::from_millis(10) >= ss.at_least
            && left <= ss.at_least + ss.precision + slack,
        "{choice:?}: {left:?}, ss {ss:?}"
    );
}

/// Makes a connection with these options on the client's end and compares both scans.
fn check(pair: &Pair, set: &Options) -> Vec<Socket> {
    set.set(&pair.client);
    choices()
        .into_iter()
        .map(|choice| {
            let sockets = scan(choice, StateSet::CONNECTED);
            let socket = find(&sockets, &pair.client);
            assert_parity(choice, &socket, &pair.client, set);
            let server = find(&sockets, &pair.server);
            assert_parity(choice, &server, &pair.server, &Options::default());
            assert_eq!(socket.state, State::Established);
            assert_ne!(socket.kernel_owned, Some(true));
            socket
        })
        .collect()
}

#[test]
fn keepalive_off() {
    if !require([Need::Root]) {
        return;
    }
    for socket in check(&Pair::new(), &Options::default()) {
        assert_eq!(socket.keepalive.next_probe_ms, None);
        assert_eq!(socket.keepalive.detect_s(), None);
        assert_eq!(socket.timer.unwrap().kind, TimerKind::Off);
    }
}

#[test]
fn on_with_system_values() {
    if !require([Need::Root]) {
        return;
    }
    let set = Options {
        enabled: Some(true),
        ..Options::default()
    };
    let pair = Pair::new();
    for socket in check(&pair, &set) {
        let truth = Truth::of(&pair.client);
        assert_eq!(
            socket.keepalive.detect_s(),
            Some(u64::from(
                truth.idle_s.max(truth.interval_s) + truth.interval_s * truth.probes
            ))
        );
        let since = pair.connected.elapsed();
        let expected = Duration::from_secs(truth.idle_s.into()).saturating_sub(since);
        let next = Duration::from_millis(socket.keepalive.next_probe_ms.unwrap());
        assert!(next.abs_diff(expected) < Duration::from_secs(3), "{next:?}");
        assert_eq!(socket.timer.unwrap().kind, TimerKind::Keepalive);
    }
}

#[test]
fn each_value_alone_and_all_mixed() {
    if !require([Need::Root]) {
        return;
    }
    let on = Options {
        enabled: Some(true),
        ..Options::default()
    };
    let alone = [
        Options {
            idle_s: Some(61),
            ..on
        },
        Options {
            interval_s: Some(13),
            ..on
        },
        Options {
            probes: Some(4),
            ..on
        },
        Options {
            idle_s: Some(32767),
            interval_s: Some(32767),
            probes: Some(127),
            ..on
        },
        Options {
            idle_s: Some(1),
            interval_s: Some(1),
            probes: Some(1),
            ..on
        },
        Options {
            idle_s: Some(50),
            interval_s: Some(7),
            user_timeout_ms: Some(63_000),
            ..on
        },
    ];
    for set in alone {
        for socket in check(&Pair::new(), &set) {
            let seconds = |setting: Setting| u64::from(setting.value.unwrap());
            let keepalive = &socket.keepalive;
            let expected = match set.user_timeout_ms {
                // 50 s, then firings every 7 s: the first at or after 63 s is the second.
                Some(_) => 64,
                // The last packet heard may have answered a probe.
                None => {
                    let interval_s = seconds(keepalive.interval);
                    seconds(keepalive.idle).max(interval_s) + interval_s * seconds(keepalive.probes)
                }
            };
            assert_eq!(keepalive.detect_s(), Some(expected), "{set:?}");
        }
    }
}

#[test]
fn user_timeout_without_keepalive() {
    if !require([Need::Root]) {
        return;
    }
    let set = Options {
        user_timeout_ms: Some(4),
        ..Options::default()
    };
    check(&Pair::new(), &set);
}

#[test]
fn values_without_the_switch() {
    if !require([Need::Root]) {
        return;
    }
    let set = Options {
        idle_s: Some(60),
        interval_s: Some(60),
        probes: Some(100),
        ..Options::default()
    };
    for socket in check(&Pair::new(), &set) {
        assert_eq!(socket.keepalive.enabled, Some(false));
        assert_eq!(socket.keepalive.values_set(), Some(true));
    }
}

#[test]
fn ipv6_and_v4_mapped() {
    if !require([Need::Root]) {
        return;
    }
    let set = Options {
        enabled: Some(true),
        idle_s: Some(45),
        ..Options::default()
    };
    for pair in [Pair::ipv6(), Pair::v4_mapped()] {
        for socket in check(&pair, &set) {
            let expected = match pair.client.local_addr().unwrap() {
                std::net::SocketAddr::V4(_) => Family::Ipv4,
                std::net::SocketAddr::V6(_) => Family::Ipv6,
            };
            assert_eq!(socket.family, expected);
        }
    }
    let mapped = Pair::v4_mapped();
    for choice in choices() {
        let server = find(&scan(choice, StateSet::CONNECTED), &mapped.server);
        assert_eq!(server.family, Family::Ipv6, "{choice:?}");
        assert!(server.remote.to_string().starts_with("[::ffff:127.0.0.1]:"));
    }
}

#[test]
fn another_namespace_with_other_sysctls() {
    if !require([Need::Root]) {
        return;
    }
    let netns = TestNetns::new();
    let pair = netns.enter(|| {
        netns::set_sysctl("tcp_keepalive_time", 301);
        netns::set_sysctl("tcp_keepalive_intvl", 23);
        netns::set_sysctl("tcp_keepalive_probes", 7);
        Pair::new()
    });
    let set = Options {
        enabled: Some(true),
        ..Options::default()
    };
    set.set(&pair.client);
    for choice in choices() {
        let socket = find(&scan(choice, StateSet::CONNECTED), &pair.client);
        netns.enter(|| assert_parity(choice, &socket, &pair.client, &set));
        assert_eq!(socket.keepalive.idle.value, Some(301));
        assert_eq!(socket.keepalive.interval.value, Some(23));
        assert_eq!(socket.keepalive.probes.value, Some(7));
        assert_eq!(socket.netns, Some(netns.inode()));
    }
}

#[test]
fn every_holder_of_a_shared_file_is_an_owner() {
    if !require([Need::Root]) {
        return;
    }
    let pair = Pair::new();
    inheritable(&pair.client);
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    for choice in choices() {
        let socket = find(&scan(choice, StateSet::CONNECTED), &pair.client);
        let mut pids: Vec<u32> = socket.owners.iter().map(|owner| owner.pid).collect();
        pids.sort_unstable();
        let mut expected = [std::process::id(), child.id()];
        expected.sort_unstable();
        assert!(
            expected.iter().all(|pid| pids.contains(pid)),
            "{choice:?} {pids:?}"
        );
        let of_child = socket.owners.iter().find(|o| o.pid == child.id()).unwrap();
        assert_eq!(of_child.comm.as_bytes(), b"sleep", "{choice:?}");
        assert_parity(choice, &socket, &pair.client, &Options::default());
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Passed over a Unix socket to a child and closed here: only the child owns it.
#[test]
fn a_file_passed_on_belongs_to_the_receiver() {
    if !require([Need::Root]) {
        return;
    }
    let pair = Pair::new();
    let set = Options {
        enabled: Some(true),
        idle_s: Some(77),
        ..Options::default()
    };
    set.set(&pair.client);
    let truth = Truth::of(&pair.client);
    let cookie = rustix::net::sockopt::socket_cookie(&pair.client).unwrap();
    // As its standard input the child holds the same open file, as after SCM_RIGHTS.
    let passed: OwnedFd = pair.client.into();
    let mut child = Command::new("sleep")
        .arg("60")
        .stdin(Stdio::from(passed))
        .spawn()
        .unwrap();
    for choice in choices() {
        let socket = kit::find_cookie(&scan(choice, StateSet::CONNECTED), cookie).unwrap();
        let owners: Vec<_> = socket.owners.iter().map(|o| (o.pid, o.fd)).collect();
        assert_eq!(owners, [(child.id(), 0)], "{choice:?}");
        assert_eq!(socket.keepalive.enabled, Some(truth.enabled), "{choice:?}");
        assert_eq!(socket.keepalive.idle.value, Some(77), "{choice:?}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Truly by SCM_RIGHTS, to a second descriptor in this process.
#[test]
fn a_file_in_flight_over_a_unix_socket() {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
    use std::io::{IoSlice, IoSliceMut};

    if !require([Need::Root]) {
        return;
    }
    let pair = Pair::new();
    let cookie = rustix::net::sockopt::socket_cookie(&pair.client).unwrap();
    let (to, from) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [pair.client.as_fd()];
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    rustix::net::sendmsg(&to, &[IoSlice::new(b"x")], &mut control, SendFlags::empty()).unwrap();
    drop(pair.client);
    // Nobody has a descriptor: it lies in the Unix socket's queue.
    for choice in choices() {
        let socket = kit::find_cookie(&scan(choice, StateSet::CONNECTED), cookie).unwrap();
        assert!(socket.owners.is_empty(), "{choice:?} {:?}", socket.owners);
        if choice == ScanChoice::Bpf {
            assert_eq!(socket.kernel_owned, Some(false));
            assert_eq!(socket.keepalive.enabled, Some(false));
        }
    }
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    rustix::net::recvmsg(
        &from,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )
    .unwrap();
    let received: Vec<OwnedFd> = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        })
        .flatten()
        .collect();
    let stream = TcpStream::from(received.into_iter().next().unwrap());
    for choice in choices() {
        let socket = find(&scan(choice, StateSet::CONNECTED), &stream);
        assert_parity(choice, &socket, &stream, &Options::default());
    }
}

/// The peer reads nothing: its window closes, and the kernel probes the window, not the peer.
#[test]
fn a_peer_that_does_not_read() {
    if !require([Need::Root]) {
        return;
    }
    let mut pair = Pair::new();
    let set = Options {
        enabled: Some(true),
        idle_s: Some(60),
        ..Options::default()
    };
    set.set(&pair.client);
    pair.fill();
    for choice in choices() {
        let socket = find(&scan(choice, StateSet::CONNECTED), &pair.client);
        assert_parity(choice, &socket, &pair.client, &set);
        assert_eq!(socket.in_flight, Some(true), "{choice:?}");
        assert_eq!(socket.keepalive.next_probe_ms, None, "{choice:?}");
        // None while a probe of the window is under way.
        assert!(
            matches!(socket.keepalive.unanswered, None | Some(0)),
            "{choice:?}"
        );
    }
}

/// Packets are dropped: data stays in flight, retransmission hides the keepalive timer.
#[test]
fn data_in_flight_to_a_peer_that_cannot_be_reached() {
    if !require([Need::Root]) {
        return;
    }
    let netns = TestNetns::new();
    let mut pair = netns.enter(Pair::new);
    let set = Options {
        enabled: Some(true),
        idle_s: Some(60),
        ..Options::default()
    };
    set.set(&pair.client);
    pair.send(b"before");
    netns.enter(|| {
        netns::set_loopback(false);
        std::io::Write::write_all(&mut &pair.client, b"lost").unwrap();
    });
    std::thread::sleep(Duration::from_millis(700));
    for choice in choices() {
        let socket = find(&scan(choice, StateSet::CONNECTED), &pair.client);
        let timer = socket.timer.unwrap();
        assert_eq!(timer.kind, TimerKind::On, "{choice:?}");
        assert!(timer.retransmits > 0, "{choice:?} {timer:?}");
        assert!(timer.to_string().starts_with("on ("), "{timer}");
        assert_eq!(socket.in_flight, Some(true), "{choice:?}");
        assert_eq!(socket.unacked, Some(1), "{choice:?}");
        assert_eq!(socket.keepalive.enabled, Some(true), "{choice:?}");
        assert_eq!(socket.keepalive.next_probe_ms, None, "{choice:?}");
        netns.enter(|| assert_timer(choice, &socket, &ss::timer(&pair.client)));
    }
}

#[test]
fn half_closed() {
    if !require([Need::Root]) {
        return;
    }
    let pair = Pair::new();
    let set = Options {
        enabled: Some(true),
        idle_s: Some(90),
        ..Options::default()
    };
    set.set(&pair.client);
    pair.client.shutdown(Shutdown::Write).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    for choice in choices() {
        let sockets = scan(choice, StateSet::CONNECTED);
        let client = find(&sockets, &pair.client);
        assert_eq!(client.state, State::FinWait2, "{choice:?}");
        assert_parity(choice, &client, &pair.client, &set);
        let server = find(&sockets, &pair.server);
        assert_eq!(server.state, State::CloseWait, "{choice:?}");
        assert_eq!(server.idle.last_data, None, "{choice:?}: a FIN is no data");
        assert_parity(choice, &server, &pair.server, &Options::default());
    }
}

/// Nothing was watching when it was made.
#[test]
fn a_socket_older_than_observer_is_complete() {
    if !require([Need::Root]) {
        return;
    }
    let mut pair = Pair::new();
    pair.send(&[7; 517]);
    for choice in choices() {
        let socket = find(&scan(choice, StateSet::CONNECTED), &pair.client);
        assert_eq!(socket.bytes_sent, Some(517), "{choice:?}");
        assert_eq!(socket.bytes_received, Some(0), "{choice:?}");
        assert_eq!(socket.idle.last_data, Some(Direction::Sent), "{choice:?}");
        assert_eq!(socket.unacked, Some(0), "{choice:?}");
        assert!(socket.segs_in.is_some() && socket.cookie.is_some());
        assert!(socket.inode.is_some() && socket.netns.is_some());
        assert!(socket.cgroup.is_some(), "{choice:?}");
        assert!(socket.idle.quiet_ms().is_some() && socket.timer.is_some());
    }
}

#[test]
fn idle_times_agree_with_a_clock() {
    if !require([Need::Root]) {
        return;
    }
    let mut pair = Pair::new();
    std::thread::sleep(Duration::from_millis(400));
    let sent = pair.send(b"request");
    std::thread::sleep(Duration::from_millis(600));
    for choice in choices() {
        let timed = Timed::scan(choice);
        let client = find(&timed.sockets, &pair.client);
        timed.assert_since("sent", client.idle.sent_ms, sent);
        timed.assert_since("received", client.idle.received_ms, pair.connected);
        timed.assert_since("data", client.idle.data_ms(), sent);
        timed.assert_since("quiet", client.idle.quiet_ms(), sent);
        let server = find(&timed.sockets, &pair.server);
        timed.assert_since("received", server.idle.received_ms, sent);
        timed.assert_since("sent", server.idle.sent_ms, pair.connected);
        assert_eq!(server.idle.last_data, Some(Direction::Received));
    }
}

/// A probe that the peer answers shortens quiet and leaves data idle alone.
#[test]
fn an_answered_probe_shortens_quiet() {
    if !require([Need::Root]) {
        return;
    }
    let pair = Pair::new();
    let set = Options {
        enabled: Some(true),
        idle_s: Some(1),
        interval_s: Some(1),
        ..Options::default()
    };
    set.set(&pair.client);
    std::thread::sleep(Duration::from_millis(1600));
    for choice in choices() {
        let timed = Timed::scan(choice);
        let client = find(&timed.sockets, &pair.client);
        timed.assert_since("data", client.idle.data_ms(), pair.connected);
        let quiet_ms = client.idle.quiet_ms().unwrap();
        assert!(quiet_ms < 1400, "{choice:?} {quiet_ms}");
        assert_eq!(client.keepalive.unanswered, Some(0), "{choice:?}");
        // The peer's stamps of data and acknowledgements do not move. Its answer to the probe leaves
        // one that sock_diag does not tell: there only segs_in betrays the probe.
        let server = find(&timed.sockets, &pair.server);
        timed.assert_since("peer's data", server.idle.data_ms(), pair.connected);
        if choice == ScanChoice::Bpf {
            let heard_ms = server.idle.heard_ms().unwrap();
            assert!(heard_ms < 1400, "{heard_ms}");
            assert_eq!(server.idle.quiet_ms(), Some(heard_ms));
        } else {
            timed.assert_since("peer's quiet", server.idle.quiet_ms(), pair.connected);
        }
        assert!(server.segs_in.unwrap() > 1, "{choice:?}");
    }
}

/// Probes without an answer are counted, and the next one is due when the timer says.
#[test]
fn unanswered_probes() {
    if !require([Need::Root]) {
        return;
    }
    let netns = TestNetns::new();
    let pair = netns.enter(Pair::new);
    let set = Options {
        enabled: Some(true),
        idle_s: Some(1),
        interval_s: Some(6),
        probes: Some(20),
        ..Options::default()
    };
    set.set(&pair.client);
    let idle_over = pair.connected + Duration::from_secs(1);
    netns.enter(|| netns::set_loopback(false));
    std::thread::sleep(Duration::from_millis(1700));
    for choice in choices() {
        let timed = Timed::scan(choice);
        let socket = find(&timed.sockets, &pair.client);
        assert_eq!(socket.keepalive.unanswered, Some(1), "{choice:?}");
        let next = idle_over + Duration::from_secs(6);
        timed.assert_until_timer("next probe", socket.keepalive.next_probe_ms, next);
        timed.assert_since_timer("since the probe", socket.idle.probe_ms, idle_over);
        assert_eq!(socket.timer.unwrap().unanswered, 1, "{choice:?}");
        // 121 this time; 126 if it had answered a probe before.
        assert_eq!(socket.keepalive.detect_s(), Some(126), "{choice:?}");
    }
}
