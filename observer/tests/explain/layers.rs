//! Each layer against getsockopt, /proc/sys and the process's own files.

use std::fs;
use std::process::Command;
use std::time::Duration;

use observer::explain::timeouts::{Connect, Retransmission};
use rustix::net::sockopt;
use serde_json::json;

use super::{explain_socket, layer, limit_ms};
use crate::kit::dead_peer::Link;
use crate::kit::netns::set_sysctl;
use crate::kit::options::Options;
use crate::kit::sockets::Pair;
use crate::kit::trace::observer;
use crate::kit::{Need, require};

fn sysctl(name: &str) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok()?;
    text.trim().parse().ok()
}

/// RTO that the kernel tells, in milliseconds, for a socket without backoff.
fn rto_ms(socket: &std::net::TcpStream) -> u64 {
    let output = Command::new("ss")
        .args(["-tinH", "sport", "="])
        .arg(format!(":{}", socket.local_addr().unwrap().port()))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, after) = text.split_once(" rto:").unwrap();
    let rto: f64 = after.split(' ').next().unwrap().parse().unwrap();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "200 to 120000"
    )]
    let rounded = rto.ceil() as u64;
    rounded
}

#[test]
fn a_plain_socket_has_the_limits_of_its_namespace() {
    if !require([Need::Root]) {
        return;
    }
    let pair = Pair::new();
    let document = explain_socket(&pair.client);
    let rto_max_ms = sysctl("tcp_rto_max_ms").map_or(120_000, u64::from);
    let connect = Connect {
        retries: sysctl("tcp_syn_retries").unwrap(),
        linear: sysctl("tcp_syn_linear_timeouts").unwrap_or(0),
        user_timeout_ms: 0,
        rto_max_ms,
    };
    assert_eq!(limit_ms(&document, "connect"), connect.gives_up_ms());
    assert_eq!(
        layer(&document, "connect")["from"],
        "net.ipv4.tcp_syn_retries"
    );
    let data = Retransmission {
        rto_ms: rto_ms(&pair.client),
        retries: sysctl("tcp_retries2").unwrap(),
        user_timeout_ms: 0,
        rto_max_ms,
    };
    assert_eq!(limit_ms(&document, "write"), data.gives_up_ms());
    for name in ["read", "keepalive", "path", "total"] {
        let layer = layer(&document, name);
        assert_eq!(
            (&layer["limit_ms"], &layer["unlimited"]),
            (&json!(null), &json!(true))
        );
    }
    assert_eq!(document["outcome"]["kind"], "exempt");
    assert_eq!(document["change"], json!(null));
    assert_eq!(document["sockets_matched"], 1);
}

#[test]
fn options_of_the_socket_come_before_those_of_the_system() {
    if !require([Need::Root]) {
        return;
    }
    let pair = Pair::new();
    let options = Options {
        enabled: Some(true),
        idle_s: Some(61),
        interval_s: Some(7),
        probes: Some(3),
        ..Options::default()
    };
    options.set(&pair.client);
    pair.client
        .set_read_timeout(Some(Duration::from_millis(2500)))
        .unwrap();
    set_syncnt(&pair.client, 2);
    let document = explain_socket(&pair.client);
    assert_eq!(limit_ms(&document, "connect"), 7000);
    assert_eq!(layer(&document, "connect")["from"], "TCP_SYNCNT");
    // SO_RCVTIMEO is kept in jiffies.
    assert!((2500..=2510).contains(&limit_ms(&document, "read")));
    assert_eq!(limit_ms(&document, "keepalive"), (61 + 7 * 3) * 1000);
    let sum: u64 = ["lookup", "connect", "write", "read"]
        .map(|name| limit_ms(&document, name))
        .iter()
        .sum();
    assert_eq!(limit_ms(&document, "total"), sum);

    sockopt::set_tcp_user_timeout(&pair.client, 4000).unwrap();
    pair.client.set_nonblocking(true).unwrap();
    let document = explain_socket(&pair.client);
    assert_eq!(limit_ms(&document, "connect"), 4000);
    assert_eq!(layer(&document, "connect")["from"], "TCP_USER_TIMEOUT");
    assert_eq!(limit_ms(&document, "write"), 4000 + rto_ms(&pair.client));
    assert_eq!(layer(&document, "read")["from"], "O_NONBLOCK");
    assert_eq!(layer(&document, "read")["unlimited"], true);
    assert_eq!(limit_ms(&document, "keepalive"), (61 + 7) * 1000);
}

pub(crate) fn set_syncnt(socket: impl std::os::fd::AsFd, count: i32) {
    // SAFETY: the value outlives the call, the descriptor is borrowed.
    let set = unsafe {
        libc::setsockopt(
            std::os::fd::AsRawFd::as_raw_fd(&socket.as_fd()),
            libc::IPPROTO_TCP,
            libc::TCP_SYNCNT,
            (&raw const count).cast(),
            4,
        )
    };
    assert_eq!(set, 0);
}

#[test]
fn sysctls_are_those_of_the_sockets_own_namespace() {
    if !require([Need::Root]) {
        return;
    }
    let link = Link::new();
    link.client.enter(|| {
        set_sysctl("tcp_syn_retries", 1);
        set_sysctl("tcp_retries2", 2);
        set_sysctl("tcp_keepalive_time", 33);
    });
    let pair = link.pair();
    Options {
        enabled: Some(true),
        ..Options::default()
    }
    .set(&pair.client);
    let client = explain_socket(&pair.client);
    assert_eq!(limit_ms(&client, "connect"), 3000);
    // 200, 400 and 800 ms, counted from the first retransmission on: an RTO twice doubled, or thrice.
    assert!(
        (1400..4000).contains(&limit_ms(&client, "write")),
        "{client}"
    );
    assert_eq!(limit_ms(&client, "path"), 350_000);
    assert_eq!(limit_ms(&client, "keepalive"), (75 + 9 * 75) * 1000);
    assert_eq!(client["outcome"]["kind"], "protected");
    assert!(client["outcome"]["in_ms"].as_u64().unwrap() <= 33_000);
    assert_eq!(client["change"], json!(null));

    // The listener is gone, its socket still tells: it accepted.
    let listener = link.listen();
    let address = listener.local_addr().unwrap();
    let connected = link
        .client
        .enter(|| std::net::TcpStream::connect(address).unwrap());
    let (accepted, _) = listener.accept().unwrap();
    let server = explain_socket(&accepted);
    for name in ["lookup", "connect"] {
        assert_eq!(layer(&server, name)["applies"], false, "{name}");
        assert_eq!(layer(&server, name)["limit_ms"], json!(null));
    }
    assert_eq!(server["outcome"]["kind"], "will-be-forgotten");
    let command = server["change"]["sysctl_command"].as_str().unwrap();
    // This process holds the socket and is in another namespace.
    let expected = format!("nsenter -t {} -n sysctl -w ", link.server.pid());
    assert!(command.starts_with(&expected), "{command}");
    let done = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert_eq!(server["change"]["sysctls_suffice"], false);
    sockopt::set_socket_keepalive(&accepted, true).unwrap();
    let server = explain_socket(&accepted);
    assert_eq!(limit_ms(&server, "keepalive"), (60 + 15 * 4) * 1000);
    assert_eq!(server["outcome"]["kind"], "protected");
    drop(connected);
}

#[test]
fn what_matches_nothing_is_refused() {
    let run = |arguments: &[&str]| {
        let output = observer().arg("explain").args(arguments).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, stderr) = run(&["--cookie", "18446744073709551615"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("no socket matches"), "{stderr}");
    assert_eq!(run(&["--cookie", "x"]).0, Some(2));
}
