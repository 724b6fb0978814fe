//! Well-known clients as people write them, each waiting for a slow answer: observer recognises
//! them, and the change that it prints makes their connections send keepalives in time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use observer::model::Socket;
use observer::model::StateSet;
use serde_json::Value;

use super::clients::{Client, clients};
use super::programs::{Waiting, Workshop};
use super::{explain, layer, limit_ms};
use crate::kit::dead_peer::Link;
use crate::kit::{Need, choices, require, scan};

/// Answers nobody, for as long as the test runs.
fn silent_server(link: &Link) -> SocketAddr {
    let listener = link.listen();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            kept.push(stream);
        }
    });
    address
}

/// Looks at a client's connection until it satisfies, and returns what was seen last.
fn until<T>(waiting: &mut Waiting, mut look: impl FnMut(u32) -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        let seen = look(waiting.pid());
        match seen {
            Ok(seen) => return seen,
            Err(why) => {
                assert_eq!(waiting.ended(), None, "it does not wait: {why}");
                assert!(began.elapsed() < Duration::from_secs(30), "{why}");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn connection(pid: u32, to: SocketAddr) -> Result<Socket, String> {
    let sockets = scan(choices()[0], StateSet::CONNECTED);
    // Java's sockets are IPv6 ones that speak IPv4.
    let leads_there = |socket: &Socket| {
        socket.remote.port() == to.port() && socket.remote.ip().to_canonical() == to.ip()
    };
    let of_pid =
        |socket: &&Socket| leads_there(socket) && socket.owners.iter().any(|o| o.pid == pid);
    let found = sockets.iter().find(of_pid).cloned();
    found.ok_or_else(|| format!("process {pid} has no connection"))
}

/// observer's words about the client as people write it.
fn explain_plain(client: &Client, waiting: &mut Waiting, to: SocketAddr) -> Value {
    until(waiting, |pid| {
        connection(pid, to).map_err(|why| format!("{}: {why}", client.program))
    });
    let document = explain(&[
        "--pid",
        &waiting.pid().to_string(),
        "--remote",
        &to.ip().to_string(),
    ]);
    let program = document["change"]["program"].as_str().unwrap_or_default();
    assert!(
        program == client.program || (client.program == "Go" && program.starts_with("Go 1.")),
        "{}: {document}",
        client.program
    );
    assert_eq!(document["socket"]["verdict"], "unprotected", "{program}");
    assert_eq!(
        document["outcome"]["kind"], "will-be-forgotten",
        "{program}"
    );
    assert_eq!(
        layer(&document, "keepalive")["unlimited"],
        true,
        "{program}"
    );
    assert_eq!(layer(&document, "read")["unlimited"], true, "{program}");
    assert_eq!(limit_ms(&document, "path"), 350_000, "{program}");
    assert!(limit_ms(&document, "connect") >= 127_000, "{program}");
    assert!(limit_ms(&document, "write") >= 924_600, "{program}");
    document
}

#[test]
fn well_known_clients_are_recognised_and_their_change_works() {
    if !require([Need::Root]) {
        return;
    }
    let link = Link::new();
    let to = silent_server(&link);
    let shop = Workshop::new();
    let clients: Vec<Client> = clients().into_iter().filter(|c| (c.is_there)()).collect();
    assert!(clients.len() >= 3, "hardly any client is installed");
    let start = |command: Vec<String>| link.client.enter(|| Waiting::start(&command));

    // Compilers take their time, and clients may not wait for ever.
    let commands: Vec<Vec<String>> = clients
        .iter()
        .map(|client| (client.command)(&shop, to, None))
        .collect();
    let mut plain: Vec<Waiting> = commands.into_iter().map(start).collect();
    let documents: Vec<Value> = clients
        .iter()
        .zip(&mut plain)
        .map(|(client, waiting)| explain_plain(client, waiting, to))
        .collect();
    drop(plain);

    for (client, document) in clients.iter().zip(&documents) {
        let snippet = document["change"]["snippet"].as_str().unwrap();
        let mut waiting = start((client.command)(&shop, to, Some(snippet)));
        until(&mut waiting, |pid| {
            let socket = connection(pid, to)?;
            let (idle_s, interval_s, probes) = client.values;
            let found = socket.keepalive;
            let right = found.enabled == Some(true)
                && found.idle.value == Some(idle_s)
                && (interval_s.is_none() || found.interval.value == interval_s)
                && (probes.is_none() || found.probes.value == probes);
            // The options may come after the connection.
            right
                .then_some(())
                .ok_or_else(|| format!("{}: {found:?}\n{snippet}", client.program))
        });
        let pid = waiting.pid().to_string();
        let changed = explain(&["--pid", &pid, "--remote", &to.ip().to_string()]);
        assert_eq!(
            changed["outcome"]["kind"], "protected",
            "{}",
            client.program
        );
        assert_eq!(changed["change"], Value::Null);
    }
}
