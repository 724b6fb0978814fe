//! `observer explain` on real connections: each rung is what the kernel and the configuration say,
//! what it foretells happens, and each change that it prints works.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod kit;

#[path = "explain/clients.rs"]
mod clients;
#[path = "explain/ladder.rs"]
mod ladder;
#[path = "explain/measured.rs"]
mod measured;
#[path = "explain/programs.rs"]
mod programs;
#[path = "explain/snippets.rs"]
mod snippets;

use serde_json::Value;

/// What `observer explain -o json` prints; panics where it fails.
fn explain(arguments: &[&str]) -> Value {
    let output = kit::trace::observer()
        .args(["explain", "-o", "json", "--path", "aws-nlb"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The rung of this name.
fn rung<'a>(document: &'a Value, name: &str) -> &'a Value {
    let ladder = document["ladder"].as_array().unwrap();
    let mut found = ladder.iter().filter(|rung| rung["rung"] == name);
    let rung = found.next().unwrap_or_else(|| panic!("no rung {name}"));
    assert!(found.next().is_none(), "two rungs {name}");
    rung
}

/// The limit of the rung of this name, in milliseconds.
fn limit_ms(document: &Value, name: &str) -> u64 {
    let rung = rung(document, name);
    let limit_ms = rung["limit_ms"].as_u64();
    limit_ms.unwrap_or_else(|| panic!("{name} has no limit: {rung}"))
}

/// By its cookie.
fn explain_socket(socket: impl std::os::fd::AsFd) -> Value {
    let cookie = rustix::net::sockopt::socket_cookie(socket).unwrap();
    explain(&["--cookie", &cookie.to_string()])
}
