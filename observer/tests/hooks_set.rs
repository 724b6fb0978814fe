//! Keepalive options set in every manner by processes that the test knows: `observer trace` tells
//! of each call once, and `observer list` shows the last one meanwhile.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod kit;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::time::{Duration, Instant};

use kit::bpftool::{self, Held};
use kit::dead_peer::probes_sent;
use kit::netns::TestNetns;
use kit::options::Options;
use kit::role::{self, Forked, Role};
use kit::setting::{self, ALL, Asked, IDLE, INTERVAL, KEEPALIVE, Made, PROBES, USER_TIMEOUT};
use kit::sockets::Pair;
use kit::trace::{
    AttachMode, Trace, Turn, listing, number, observer, setsockopt_modes, unless_events_are_lost,
};
use kit::{Need, choices, guest_series, require, tolerance, uring};
use observer::source::ScanChoice;
use serde_json::{Value, json};

/// Longest time for events to be printed.
const SOON: Duration = Duration::from_secs(20);

// Roles

#[test]
#[ignore = "a role that the other tests start"]
fn role() {
    let Some(role) = role::current() else { return };
    match role[0].as_str() {
        "values" => main_thread("set-values", values),
        "orders" => main_thread("set-orders", orders),
        "families" => main_thread("set-families", families),
        "threads" => main_thread("set-main", threads),
        "no-cookie" => main_thread("set-no-cookie", no_cookie),
        "io_uring" => main_thread("set-uring", by_io_uring),
        "mptcp" => main_thread("set-mptcp", by_mptcp),
        "once" => main_thread("set-once", once),
        other => panic!("no role {other}"),
    }
}

fn main_thread(name: &str, work: fn()) {
    Forked::start(name, work).finish();
}

fn tell(made: &Made) {
    role::say(&serde_json::to_value(made).unwrap());
}

/// A TCP socket that is not connected.
fn tcp_socket(family: libc::c_int, protocol: libc::c_int) -> std::io::Result<OwnedFd> {
    // SAFETY: the call makes the descriptor.
    unsafe {
        let fd = libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, protocol);
        if fd < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Right and wrong values of each option, on a socket that was never connected and on one that is.
fn values() {
    let unconnected = tcp_socket(libc::AF_INET, 0).unwrap();
    let pair = connect_from(Ipv4Addr::new(127, 9, 1, 1));
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    for fd in [unconnected.as_fd(), pair.client.as_fd()] {
        for option in ALL {
            for asked in [
                Asked::Int(1),
                Asked::Int(7),
                Asked::Int(127),
                Asked::Int(128),
                Asked::Int(32767),
                Asked::Int(32768),
                Asked::Int(i32::MAX),
                Asked::Int(0),
                Asked::Int(-1),
                Asked::Int(i32::MIN),
                Asked::Long(9),
                Asked::Short(5),
                Asked::BadPointer,
                Asked::Int(3),
            ] {
                tell(&setting::set(fd, option, asked));
            }
            // Of these there are no events.
            setting::set_raw(udp.as_raw_fd(), option, Asked::Int(1));
            assert_eq!(setting::set_raw(9999, option, Asked::Int(1)), libc::EBADF);
        }
    }
}

/// Every order of the five.
fn orders() {
    let socket = tcp_socket(libc::AF_INET, 0).unwrap();
    let mut orders = vec![vec![]];
    for _ in ALL {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<setting::Opt>| {
                let left = ALL.into_iter().filter(|option| !order.contains(option));
                let longer = left.map(|option| [&order[..], &[option]].concat());
                longer.collect::<Vec<_>>()
            })
            .collect();
    }
    assert_eq!(orders.len(), 120);
    for (i, order) in orders.iter().enumerate() {
        for option in order {
            let value = i32::try_from(i).unwrap() + 1;
            let value = if *option == KEEPALIVE {
                value % 2
            } else {
                value
            };
            tell(&setting::set(&socket, *option, Asked::Int(value)));
        }
    }
}

/// Before connect and after, and on what a listener accepted, over each family.
fn families() {
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
    let each = [
        (libc::AF_INET, "127.9.2.1:0", "127.9.2.1".parse().unwrap()),
        (libc::AF_INET6, "[::1]:0", "::1".parse().unwrap()),
        (libc::AF_INET6, "[::]:0", mapped.into()),
    ];
    for (family, listen, connect) in each {
        let listener = TcpListener::bind(listen).unwrap();
        let to = SocketAddr::new(connect, listener.local_addr().unwrap().port());
        let client = tcp_socket(family, 0).unwrap();
        for (option, value) in [(KEEPALIVE, 1), (IDLE, 60), (USER_TIMEOUT, 90_000)] {
            tell(&setting::set(&client, option, Asked::Int(value)));
        }
        rustix::net::connect(&client, &to).unwrap();
        let (server, _) = listener.accept().unwrap();
        for (option, value) in [(INTERVAL, 11), (PROBES, 4), (IDLE, 61), (KEEPALIVE, 0)] {
            tell(&setting::set(&client, option, Asked::Int(value)));
            tell(&setting::set(&server, option, Asked::Int(value + 1)));
        }
        tell(&setting::set(&listener, KEEPALIVE, Asked::Int(1)));
    }
}

/// The main thread, a second one, and a forked process with the same open file.
fn threads() {
    let pair = connect_from(Ipv4Addr::new(127, 9, 3, 1));
    let client = &pair.client;
    let each = |value: i32| {
        for option in ALL {
            tell(&setting::set(client, option, Asked::Int(value)));
        }
    };
    each(11);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            role::set_name("second-thread");
            each(12);
        });
    });
    Forked::start("forked", || each(13)).finish();
    each(14);
}

/// Nobody asks for the socket's cookie before.
fn no_cookie() {
    let pair = connect_from(Ipv4Addr::new(127, 9, 4, 1));
    let fd = pair.client.as_fd();
    for option in ALL {
        let asked = Asked::Int(21);
        let errno = setting::set_raw(fd.as_raw_fd(), option, asked);
        tell(&setting::made(fd, option, asked, errno, None));
    }
    role::wait_go();
    role::say(&json!({ "cookie": setting::cookie(fd) }));
}

fn by_io_uring() {
    let pair = connect_from(Ipv4Addr::new(127, 9, 5, 1));
    let fd = pair.client.as_fd();
    let cookie = setting::cookie(fd);
    for (option, value) in [
        (KEEPALIVE, 1),
        (IDLE, 33),
        (INTERVAL, 34),
        (PROBES, 35),
        (USER_TIMEOUT, 36_000),
    ] {
        match uring::set(fd, option, value) {
            Ok(result) => {
                let asked = Asked::Int(value);
                tell(&setting::made(fd, option, asked, -result, Some(cookie)));
            }
            Err(why) => return role::say(&json!({ "cannot": why })),
        }
    }
    // One by system call, so that the test knows when all have come.
    role::say(&json!({ "last": setting::set(fd, IDLE, Asked::Int(39)) }));
}

/// A connection between two MPTCP sockets: the kernel carries the option to the subflow below.
fn by_mptcp() {
    const IPPROTO_MPTCP: libc::c_int = 262;
    let listener = match tcp_socket(libc::AF_INET, IPPROTO_MPTCP) {
        Ok(socket) => socket,
        Err(error) => return role::say(&json!({ "cannot": format!("MPTCP: {error}") })),
    };
    let address = SocketAddr::new(Ipv4Addr::new(127, 9, 6, 1).into(), 0);
    rustix::net::bind(&listener, &address).unwrap();
    rustix::net::listen(&listener, 8).unwrap();
    let listener = TcpListener::from(listener);
    let client = tcp_socket(libc::AF_INET, IPPROTO_MPTCP).unwrap();
    rustix::net::connect(&client, &listener.local_addr().unwrap()).unwrap();
    let accepted = listener.accept().unwrap();
    let client = TcpStream::from(client);
    let errno = setting::set_raw(client.as_raw_fd(), KEEPALIVE, Asked::Int(1));
    role::say(&json!({
        "errno": errno,
        "local": client.local_addr().unwrap(),
        "remote": client.peer_addr().unwrap(),
    }));
    role::wait_go();
    drop(accepted);
}

fn once() {
    let socket = tcp_socket(libc::AF_INET, 0).unwrap();
    while role::wait_go() {
        tell(&setting::set(&socket, IDLE, Asked::Int(44)));
    }
}

/// A connection on loopback, to an address that no other test uses.
fn connect_from(address: Ipv4Addr) -> Pair {
    let listener = TcpListener::bind(SocketAddr::new(address.into(), 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    Pair {
        client,
        server,
        connected: Instant::now(),
    }
}

// Events

fn all_made(said: &[Value]) -> Vec<Made> {
    said.iter()
        .map(|value| serde_json::from_value(value.clone()).unwrap())
        .collect()
}

fn pids(made: &[Made]) -> Vec<u32> {
    let mut pids: Vec<u32> = made.iter().map(|made| made.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// Plays the role under a trace and asserts that all that it made was told, and nothing else.
fn assert_role_is_told(role: &str) {
    if !require([Need::Root]) {
        return;
    }
    for mode in setsockopt_modes() {
        let trace = Trace::start(mode);
        let made = all_made(&Role::start(role).finish());
        let pids = pids(&made);
        wait_for_sets(&trace, &pids, made.len());
        let events = setting::of_processes(&trace.finish(), &pids);
        setting::assert_told(&format!("{role} by {mode:?}"), &events, &made);
    }
}

/// Waits for that many events, or for a while: what is wrong is said better by a comparison.
fn wait_for_sets(trace: &Trace, pids: &[u32], count: usize) {
    let deadline = Instant::now() + SOON;
    trace.wait_for("events of setsockopt", SOON * 2, |events| {
        let seen = setting::of_processes(events, pids).len();
        (seen >= count || Instant::now() > deadline).then_some(())
    });
}

#[test]
fn right_and_wrong_values() {
    assert_role_is_told("values");
}

#[test]
fn every_order() {
    assert_role_is_told("orders");
}

#[test]
fn before_and_after_connect_in_every_family() {
    assert_role_is_told("families");
}

#[test]
fn other_threads_and_forked_processes() {
    assert_role_is_told("threads");
}

/// The cookie is the right one or unknown, never another.
#[test]
fn a_socket_whose_cookie_nobody_asked_for() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in setsockopt_modes() {
            let trace = Trace::start(mode);
            let mut role = Role::start("no-cookie");
            let mut made: Vec<Made> = all_made(&ALL.map(|_| role.next()));
            wait_for_sets(&trace, &pids(&made), made.len());
            role.go();
            let cookie = role.next()["cookie"].as_u64();
            role.finish();
            let events = setting::of_processes(&trace.finish(), &pids(&made));
            for (made, event) in made.iter_mut().zip(&events) {
                if !event["cookie"].is_null() {
                    made.cookie = cookie;
                }
            }
            setting::assert_told(&format!("{mode:?}"), &events, &made);
        }
    });
}

/// Only trampolines see it; the system call's tracepoints must not claim it.
#[test]
fn options_set_through_io_uring() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in setsockopt_modes() {
            let trace = Trace::start(mode);
            let mut said = Role::start("io_uring").finish();
            let last = said.pop().unwrap();
            let io_uring = Need::Kernel {
                feature: "io_uring",
                lack: last["cannot"].as_str().map(str::to_owned),
                // Its setsockopt came with Linux 6.7.
                unless: &["5.10", "6.1"],
            };
            if !require([io_uring]) {
                return;
            }
            let last: Made = serde_json::from_value(last["last"].clone()).unwrap();
            let made = all_made(&said);
            let expected = if mode == AttachMode::Trampoline {
                made.len() + 1
            } else {
                1
            };
            wait_for_sets(&trace, &[last.pid], expected);
            let mut events = setting::of_processes(&trace.finish(), &[last.pid]);
            let last_told = events.pop().expect("the last one, by system call");
            setting::assert_told(&format!("{mode:?}"), &[last_told], &[last]);
            if mode == AttachMode::Tracepoint {
                assert!(events.is_empty(), "{}", listing(&events));
                continue;
            }
            assert_eq!(events.len(), made.len(), "{}", listing(&events));
            for (event, made) in events.iter().zip(&made) {
                assert_eq!(&setting::told(event), made, "{event}");
                assert_eq!(event["via"], "io_uring", "{event}");
            }
        }
    });
}

/// Uncertain is which process such an event names, if any: the kernel carries the option
/// on during the system call, or later from a worker.
#[test]
fn an_option_that_the_kernel_carries_to_a_subflow() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in setsockopt_modes() {
            let trace = Trace::start(mode);
            let mut role = Role::start("mptcp");
            let said = role.next();
            let cannot = said["cannot"].as_str().map(str::to_owned);
            let refused = (said["errno"] != 0).then(|| said.to_string());
            // Before 5.14 the kernel did not carry it.
            let too_old = (guest_series().as_deref() == Some("5.10")).then(|| said.to_string());
            let carried = Need::Kernel {
                feature: "MPTCP that carries SO_KEEPALIVE to subflows",
                lack: cannot.or(refused).or(too_old),
                unless: &["5.10"],
            };
            if !require([carried]) {
                return;
            }
            let (local, remote): (SocketAddr, SocketAddr) = (
                said["local"].as_str().unwrap().parse().unwrap(),
                said["remote"].as_str().unwrap().parse().unwrap(),
            );
            let of_subflow = |event: &&Value| {
                event["kind"] == "set"
                    && event["via"] == "kernel"
                    && kit::trace::is_between(event, local, remote)
            };
            if mode == AttachMode::Trampoline {
                trace.wait_for("an option set by the kernel", SOON, |events| {
                    events.iter().any(|event| of_subflow(&event)).then_some(())
                });
            }
            role.go();
            role.finish();
            let events = trace.finish();
            let carried: Vec<_> = events.iter().filter(of_subflow).collect();
            if mode == AttachMode::Tracepoint {
                assert!(carried.is_empty(), "{carried:?}");
                continue;
            }
            assert_eq!(carried.len(), 1, "{carried:?}");
            assert_eq!(carried[0]["option"], "SO_KEEPALIVE");
            assert_eq!(carried[0]["value"], 1);
            assert_eq!(carried[0]["errno"], 0);
        }
    });
}

#[test]
fn only_the_process_asked_for_is_shown() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in setsockopt_modes() {
            let (mut shown, mut other) = (Role::start("once"), Role::start("once"));
            // The first call tells who they are.
            shown.go();
            other.go();
            let before: [Made; 2] =
                [&shown, &other].map(|role| serde_json::from_value(role.next()).unwrap());
            let pid = before[0].pid.to_string();
            let trace = Trace::start_in(Turn::shared(), mode, &["--pid", &pid]);
            for shows in [false, true, false] {
                let role = if shows { &mut shown } else { &mut other };
                role.go();
                role.next();
            }
            wait_for_sets(&trace, &[before[0].pid], 1);
            shown.finish();
            other.finish();
            let events = trace.finish();
            assert_eq!(events.len(), 1, "{}", listing(&events));
            setting::assert_told(&format!("{mode:?}"), &events, &before[..1]);
        }
    });
}

#[test]
fn only_the_kinds_asked_for_are_told() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        let pid = std::process::id().to_string();
        for mode in setsockopt_modes() {
            let kinds = ["--kind", "closed", "--kind", "set", "--pid", &pid];
            let trace = Trace::start_in(Turn::shared(), mode, &kinds);
            let pair = connect_from(Ipv4Addr::new(127, 9, 10, 1));
            let client = setting::cookie(&pair.client);
            setting::set(&pair.client, KEEPALIVE, Asked::Int(1));
            drop(pair);
            trace.wait_for("the end", Duration::from_secs(20), |events| {
                let mut of_client = events.iter().filter(|event| event["cookie"] == client);
                of_client
                    .any(|event| event["kind"] == "closed")
                    .then_some(())
            });
            let events = trace.finish();
            let of_client = events.iter().filter(|event| event["cookie"] == client);
            let kinds: Vec<&Value> = of_client.map(|event| &event["kind"]).collect();
            assert_eq!(kinds, ["set", "closed"], "{mode:?}: {}", listing(&events));
            let others = events
                .iter()
                .filter(|event| event["kind"] == "opened" || event["kind"] == "probe");
            assert_eq!(others.count(), 0, "{}", listing(&events));
        }
    });
}

#[test]
fn it_ends_by_itself_after_the_time_given() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in setsockopt_modes() {
            let trace = Trace::start_in(Turn::shared(), mode, &["--for", "2s"]);
            let ready = Instant::now();
            trace.wait(Duration::from_secs(20));
            let took = ready.elapsed();
            let late = Duration::from_secs(3) + 8 * tolerance();
            assert!(
                took > Duration::from_millis(1000) && took < late,
                "{took:?}"
            );
        }
    });
}

// What list shows meanwhile

/// A socket's object of `observer list -o json`.
fn listed(choice: ScanChoice, cookie: u64) -> Value {
    let scan = choice.name();
    let pid = std::process::id().to_string();
    let output = observer()
        .args(["list", "-o", "json", "--all", "--scan", scan, "--pid", &pid])
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sockets = document["sockets"].as_array().unwrap();
    let mut of_cookie = sockets.iter().filter(|s| s["cookie"] == cookie);
    let socket = of_cookie.next().unwrap_or_else(|| panic!("no {cookie}"));
    socket.clone()
}

/// Asserts that `ms` is the time from a moment to about now; a list was made meanwhile.
fn assert_ago(what: &str, ms: &Value, since: (Instant, Instant), asked: Instant) {
    let ms = ms.as_u64().unwrap_or_else(|| panic!("{what} is {ms}"));
    let found = Duration::from_millis(ms);
    let shortest = asked.duration_since(since.1);
    let longest = since.0.elapsed();
    assert!(
        found + tolerance() >= shortest && found <= longest + tolerance(),
        "{what}: {found:?}, the test's clock says {shortest:?} to {longest:?}"
    );
}

fn assert_no_past(what: &str, socket: &Value) {
    assert!(socket["age_ms"].is_null(), "{what}: {socket}");
    assert!(socket["keepalive"]["sent"].is_null(), "{what}: {socket}");
    assert!(socket["last_set"].is_null(), "{what}: {socket}");
}

#[test]
fn list_shows_what_a_trace_saw() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in setsockopt_modes() {
            let turn = Turn::alone();
            let old = connect_from(Ipv4Addr::new(127, 9, 7, 1));
            let old_cookie = setting::cookie(&old.client);
            setting::set(&old.client, KEEPALIVE, Asked::Int(1));
            let trace = Trace::start_in(turn, mode, &[]);
            for choice in choices() {
                assert_no_past("older than the trace", &listed(choice, old_cookie));
            }
            let began = Instant::now();
            let new = connect_from(Ipv4Addr::new(127, 9, 7, 2));
            let born = (began, Instant::now());
            let cookie = setting::cookie(&new.client);
            let server = setting::cookie(&new.server);
            for choice in choices() {
                let asked = Instant::now();
                for cookie in [cookie, server] {
                    let socket = listed(choice, cookie);
                    assert!(socket["last_set"].is_null(), "nothing was set: {socket}");
                    assert_eq!(socket["keepalive"]["sent"], 0, "{socket}");
                    assert_ago("age_ms", &socket["age_ms"], born, asked);
                }
            }
            for (option, asked) in [
                (KEEPALIVE, Asked::Int(1)),
                (IDLE, Asked::Int(123)),
                (PROBES, Asked::Int(128)),
            ] {
                let began = Instant::now();
                let made = setting::set(&new.client, option, asked);
                let set = (began, Instant::now());
                for choice in choices() {
                    let asked = Instant::now();
                    let last = listed(choice, cookie)["last_set"].clone();
                    assert_eq!(last["option"], made.option, "{choice:?} {last}");
                    assert_eq!(last["value"], json!(made.value), "{choice:?} {last}");
                    assert_eq!(last["errno"], made.errno, "{choice:?} {last}");
                    assert_eq!(last["pid"], made.pid, "{choice:?} {last}");
                    assert_eq!(last["comm"], made.comm, "{choice:?} {last}");
                    assert_ne!(last["inherited"], true, "{choice:?} {last}");
                    assert_ago("ago_ms", &last["ago_ms"], set, asked);
                }
            }
            // What is set on an old socket is known, what it did before is not.
            setting::set(&old.client, INTERVAL, Asked::Int(9));
            for choice in choices() {
                let socket = listed(choice, old_cookie);
                assert_eq!(socket["last_set"]["option"], "TCP_KEEPINTVL", "{socket}");
                assert!(socket["age_ms"].is_null(), "{socket}");
                assert!(socket["keepalive"]["sent"].is_null(), "{socket}");
            }
            trace.finish();
        }
    });
}

#[test]
fn list_shows_nothing_of_a_trace_that_ended() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in setsockopt_modes() {
            // Alone until the end, so that no other trace's memory is shown.
            let lists = |trace: Trace| {
                let pair = connect_from(Ipv4Addr::new(127, 9, 8, 1));
                setting::set(&pair.client, KEEPALIVE, Asked::Int(1));
                let cookie = setting::cookie(&pair.client);
                let during = listed(choices()[0], cookie);
                assert!(!during["last_set"].is_null(), "{during}");
                trace.finish();
                for choice in choices() {
                    let after = listed(choice, cookie);
                    // Another test's trace may run by now; what it did not see it cannot show.
                    assert_no_past("after the trace", &after);
                }
            };
            lists(Trace::start_in(Turn::alone(), mode, &[]));
        }
    });
}

#[test]
fn an_accepted_connection_shows_its_listeners() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in setsockopt_modes() {
            let trace = Trace::start_in(Turn::alone(), mode, &[]);
            let listener = TcpListener::bind("127.9.9.1:0").unwrap();
            let began = Instant::now();
            let made = setting::set(&listener, KEEPALIVE, Asked::Int(1));
            let set = (began, Instant::now());
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, _) = listener.accept().unwrap();
            let cookie = setting::cookie(&server);
            for choice in choices() {
                let asked = Instant::now();
                let last = listed(choice, cookie)["last_set"].clone();
                assert_eq!(last["option"], "SO_KEEPALIVE", "{choice:?} {last}");
                assert_eq!(last["inherited"], true, "{choice:?} {last}");
                assert_eq!(last["value"], 1, "{choice:?} {last}");
                assert_eq!(last["pid"], made.pid, "{choice:?} {last}");
                assert_ago("ago_ms", &last["ago_ms"], set, asked);
                let of_listener = listed(choice, made.cookie.unwrap())["last_set"].clone();
                assert_ne!(of_listener["inherited"], true, "{choice:?} {of_listener}");
                let of_client = listed(choice, setting::cookie(&client));
                assert!(of_client["last_set"].is_null(), "{choice:?} {of_client}");
            }
            // Its own takes the place of the listener's.
            setting::set(&server, IDLE, Asked::Int(77));
            for choice in choices() {
                let last = listed(choice, cookie)["last_set"].clone();
                assert_eq!(last["option"], "TCP_KEEPIDLE", "{choice:?} {last}");
                assert_ne!(last["inherited"], true, "{choice:?} {last}");
            }
            trace.finish();
        }
    });
}

#[test]
fn list_counts_the_probes_sent() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in setsockopt_modes() {
            let trace = Trace::start_in(Turn::alone(), mode, &[]);
            let netns = TestNetns::new();
            let pair = netns.enter(Pair::new);
            let set = Options {
                enabled: Some(true),
                idle_s: Some(1),
                // A list takes more than a second on a busy guest, and must fit between two probes.
                interval_s: Some(4),
                ..Options::default()
            };
            set.set(&pair.client);
            let cookie = setting::cookie(&pair.client);
            std::thread::sleep(Duration::from_millis(2600));
            for choice in choices() {
                let agreed = (0..20).any(|_| {
                    let before = probes_sent(&netns);
                    let socket = listed(choice, cookie);
                    let sent = number(&socket["keepalive"], "sent");
                    let after = probes_sent(&netns);
                    assert!(before >= 1, "the kernel has sent probes");
                    assert!(
                        (before..=after).contains(&sent),
                        "{choice:?}: {sent} probes, the kernel counts {before} to {after}"
                    );
                    before == after
                });
                assert!(agreed, "{choice:?}: never looked between two probes");
            }
            trace.finish();
        }
    });
}

#[test]
fn nothing_stays_after_a_kill() {
    if !require([Need::Root]) {
        return;
    }
    unless_events_are_lost(|| {
        for mode in setsockopt_modes() {
            let pinned = bpftool::pinned();
            let mut trace = Trace::start(mode);
            let held = Held::by(trace.pid());
            assert!(held.programs.len() > 2, "{held:?}");
            assert!(held.maps.len() > 1, "{held:?}");
            let named = Command::new("bpftool").args(["map", "show"]).output();
            let named = String::from_utf8(named.unwrap().stdout).unwrap();
            assert!(named.contains("OBSERVER_NOTES"), "{named}");
            trace.kill();
            // The kernel frees them after a grace period.
            let deadline = Instant::now() + SOON;
            let mut left = held.left();
            while !left.is_empty() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(100));
                left = held.left();
            }
            assert!(left.is_empty(), "{mode:?}: {left:?}");
            assert_eq!(bpftool::pinned(), pinned, "{mode:?}");
        }
    });
}
