//! Records the corpora's seeds from a running kernel. Each is an ignored test:
//!
//! ```sh
//! OBSERVER_SEEDS=fuzz/corpus cargo test -p observer --lib fuzzing::seeds -- --ignored
//! ```

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

use super::cut_btf;
use crate::host::inet_diag::{SOCK_DIAG_BY_FAMILY, request};
use crate::host::nlmsg::request_message;
use crate::kernel::hooks::{Capacity, Hooks, HooksChoice};
use crate::kernel::{KernelScanner, error::BTF_PATH};
use crate::model::Family;
use crate::model::StateSet;

/// Longest part of a dump that is kept: a few sockets.
const MOST: usize = 1536;

/// Writes a seed; the kernel's series is part of its name.
fn save(target: &str, name: &str, bytes: &[u8]) {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let series: Vec<&str> = release.split('.').take(2).collect();
    save_as(target, &format!("linux-{}-{name}", series.join(".")), bytes);
}

fn save_as(target: &str, name: &str, bytes: &[u8]) {
    let dir = std::env::var_os("OBSERVER_SEEDS").map(PathBuf::from);
    let dir = dir.expect("OBSERVER_SEEDS names the folder of the corpora");
    std::fs::create_dir_all(dir.join(target)).unwrap();
    std::fs::write(dir.join(target).join(name), bytes).unwrap();
}

/// Connections in several states, with and without keepalive.
fn connections() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("[::]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut streams = Vec::new();
    for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let mut client = TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().unwrap();
        client.write_all(b"x").unwrap();
        sockopt::set_socket_keepalive(&client, true).unwrap();
        sockopt::set_tcp_keepidle(&client, Duration::from_secs(1)).unwrap();
        sockopt::set_tcp_keepintvl(&client, Duration::from_secs(1)).unwrap();
        streams.extend([client, server]);
    }
    let last = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let (server, _) = listener.accept().unwrap();
    // Leaves a socket in TIME_WAIT, and one in CLOSE_WAIT.
    drop(last);
    streams.push(server);
    streams.pop();
    let half = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let (server, _) = listener.accept().unwrap();
    drop(half);
    streams.push(server);
    (listener, streams)
}

/// That of the running kernel, and of files that `OBSERVER_BTF` names, by their names.
#[test]
#[ignore = "writes seeds"]
fn btf() {
    let whole = std::fs::read(BTF_PATH).unwrap();
    save("btf", "cut", &cut_btf::cut(&whole));
    let others = std::env::var_os("OBSERVER_BTF").unwrap_or_default();
    for path in std::env::split_paths(&others) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let whole = std::fs::read(&path).unwrap();
        save_as("btf", &format!("{name}-cut"), &cut_btf::cut(&whole));
    }
}

#[test]
#[ignore = "writes seeds"]
fn netlink() {
    let _open = connections();
    for (family, name) in [(Family::Ipv4, "ipv4"), (Family::Ipv6, "ipv6")] {
        let message = request_message(SOCK_DIAG_BY_FAMILY, 1, &request(family, StateSet::ALL, 2));
        let answer = first_datagram(true, &message);
        // Nothing else is known of these sockets.
        save("netlink", name, &[&[0; 13][..], answer.as_slice()].concat());
    }
    let message = request_message(22, 1, &[0; 8]);
    let answer = first_datagram(false, &message);
    save(
        "netlink",
        "addresses",
        &[&[1], &[0; 12][..], answer.as_slice()].concat(),
    );
}

/// The first messages of an answer.
fn first_datagram(sock_diag: bool, message: &[u8]) -> Vec<u8> {
    let protocol = sock_diag.then_some(SOCK_DIAG);
    let kind = (
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
    );
    let socket = rustix::net::socket_with(kind.0, kind.1, kind.2, protocol).unwrap();
    rustix::net::send(&socket, message, SendFlags::empty()).unwrap();
    let mut buffer = vec![0; 32 * 1024];
    let (len, _) = rustix::net::recv(&socket, buffer.as_mut_slice(), RecvFlags::empty()).unwrap();
    buffer.truncate(len.min(MOST));
    buffer
}

#[test]
#[ignore = "writes seeds"]
fn records() {
    let _open = connections();
    let mut scanner = KernelScanner::open().unwrap();
    for (name, walk) in scanner.raw_walks() {
        // Units, every state, where it is cut, and the socket that is printed.
        let walk = walk.get(..MOST).unwrap_or(&walk);
        save("records", name, &[&[2, 1, 1, 0, 200, 1], walk].concat());
    }
}

#[test]
#[ignore = "writes seeds"]
fn events() {
    let mut hooks = Hooks::open(HooksChoice::Auto, Capacity::for_this_host()).unwrap();
    let records = hooks.raw_events(|| {
        let open = connections();
        // A probe leaves.
        std::thread::sleep(Duration::from_millis(2500));
        drop(open);
    });
    assert!(!records.is_empty());
    for (at, record) in records.chunks(4).take(6).enumerate() {
        save(
            "events",
            &at.to_string(),
            &[&[3, 1], record.concat().as_slice()].concat(),
        );
    }
}
