//! Scans of sockets that the test itself made: they need no privilege, since a process may read
//! its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::net::sockopt;

use super::*;
use crate::model::StateSet;
use crate::model::{Family, Setting, SettingFrom, Socket, State, TimerKind};
use crate::require::{Need, require};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn pair(address: &str) -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(address)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    Ok((client, server))
}

fn scan_for(wanted: &impl std::os::fd::AsFd) -> Result<Socket> {
    let cookie = sockopt::socket_cookie(wanted)?;
    let states = StateSet::ALL;
    let scan = DiagScanner::new().scan(&ScanRequest { states })?;
    let mut found = scan
        .sockets
        .into_iter()
        .filter(|s| s.cookie == Some(cookie));
    let socket = found.next().ok_or("the scan missed it")?;
    assert!(found.next().is_none(), "found twice");
    Ok(socket)
}

#[test]
fn values_equal_getsockopt() -> Result {
    let (client, _server) = pair("127.0.0.1:0")?;
    sockopt::set_socket_keepalive(&client, true)?;
    sockopt::set_tcp_keepidle(&client, Duration::from_secs(61))?;
    sockopt::set_tcp_user_timeout(&client, 5_000)?;
    let interval_s = u32::try_from(sockopt::tcp_keepintvl(&client)?.as_secs())?;
    let socket = scan_for(&client)?;
    let keepalive = socket.keepalive;
    assert_eq!(keepalive.enabled, Some(true));
    let own = Setting {
        value: Some(61),
        from: Some(SettingFrom::Socket),
    };
    assert_eq!(keepalive.idle, own);
    assert_eq!(
        keepalive.interval,
        Setting {
            value: Some(interval_s),
            from: None
        }
    );
    assert_eq!(keepalive.probes.value, Some(sockopt::tcp_keepcnt(&client)?));
    assert_eq!(keepalive.user_timeout_ms, Some(5_000));
    assert_eq!(socket.timer.map(|t| t.kind), Some(TimerKind::Keepalive));
    assert!(
        keepalive
            .next_probe_ms
            .is_some_and(|ms| (55_000..=61_100).contains(&ms)),
        "{keepalive:?}"
    );
    assert_eq!(socket.local, client.local_addr()?);
    assert_eq!(socket.remote, client.peer_addr()?);
    assert_eq!(
        (socket.state, socket.peer_is_local),
        (State::Established, Some(true))
    );
    let owners: Vec<_> = socket
        .owners
        .iter()
        .map(|o| (o.pid, i64::from(o.fd)))
        .collect();
    assert_eq!(
        owners,
        [(std::process::id(), i64::from(client.as_raw_fd()))]
    );
    assert_eq!(socket.kernel_owned, Some(false));
    assert!(socket.cgroup.is_some());
    Ok(())
}

#[test]
fn idle_follows_the_data() -> Result {
    let (mut client, server) = pair("127.0.0.1:0")?;
    client.write_all(b"hello")?;
    std::thread::sleep(Duration::from_millis(50));
    let socket = scan_for(&client)?;
    assert_eq!(
        (socket.bytes_sent, socket.bytes_received),
        (Some(5), Some(0))
    );
    assert_eq!(socket.in_flight, Some(false));
    assert!(
        socket
            .idle
            .data_ms()
            .is_some_and(|ms| (40..2_000).contains(&ms)),
        "{:?}",
        socket.idle
    );
    assert_eq!(socket.keepalive.enabled, Some(false));
    assert_eq!(scan_for(&server)?.bytes_received, Some(5));
    Ok(())
}

#[test]
fn ipv6_and_listening_sockets() -> Result {
    let listener = TcpListener::bind("[::]:0")?;
    let port = listener.local_addr()?.port();
    let client = TcpStream::connect(("127.0.0.1", port))?;
    let (server, _) = listener.accept()?;
    let mapped = scan_for(&server)?;
    assert_eq!(mapped.family, Family::Ipv6);
    assert_eq!(mapped.remote.ip().to_canonical(), client.local_addr()?.ip());
    assert_eq!(mapped.peer_is_local, Some(true));
    let listening = scan_for(&listener)?;
    assert_eq!((listening.state, listening.unacked), (State::Listen, None));
    assert_eq!(listening.idle.data_ms(), None);
    Ok(())
}

#[test]
fn a_foreign_namespace_is_scanned_with_its_own_sysctls() -> Result {
    if !require([Need::Root]) {
        return Ok(());
    }
    let script = "echo 123 >/proc/sys/net/ipv4/tcp_keepalive_time; echo; exec sleep 60";
    let mut inside = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()?;
    let ready = inside.stdout.as_mut().ok_or("no pipe")?.read(&mut [0]);
    let pid = Some(inside.id());
    let mut namespaces = netns::enumerate().found;
    namespaces.retain(|n| n.pid == pid);
    let listeners = netns::visit(&namespaces, |_| TcpListener::bind("0.0.0.0:0"));
    let listener = listeners.into_iter().next().ok_or("no namespace")???;
    let socket = scan_for(&listener);
    inside.kill()?;
    inside.wait()?;
    ready?;
    let socket = socket?;
    assert_eq!(socket.netns, namespaces.first().map(|n| n.inode));
    assert_eq!(
        socket.keepalive.idle,
        Setting {
            value: Some(123),
            from: None
        }
    );
    assert_eq!(
        socket.owners.first().map(|o| o.pid),
        Some(std::process::id())
    );
    Ok(())
}
