//! `observer explain` on real connections: each layer is what the kernel and the configuration say,
//! what it foretells happens, and each change that it prints works.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod kit;

#[path = "explain/clients.rs"]
mod clients;
#[path = "explain/layers.rs"]
mod layers;
#[path = "explain/measured.rs"]
mod measured;
#[path = "explain/programs.rs"]
mod programs;
#[path = "explain/snippets.rs"]
mod snippets;

use serde_json::Value;

/// Output of `observer explain -o json`; panics where it fails.
fn explain(arguments: &[&str]) -> Value {
    let (document, said) = try_explain(arguments);
    document.unwrap_or_else(|| panic!("{arguments:?}: {said}"))
}

/// The same; `None` where it fails, and what it says on stderr.
fn try_explain(arguments: &[&str]) -> (Option<Value>, String) {
    let output = kit::trace::observer()
        .args(["explain", "-o", "json", "--path", "aws-nlb"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = output.status.success().then_some(&output.stdout);
    let document = document.map(|stdout| serde_json::from_slice(stdout).unwrap());
    (document, said)
}

/// The layer of this name.
fn layer<'a>(document: &'a Value, name: &str) -> &'a Value {
    let layers = document["ladder"].as_array().unwrap();
    let mut found = layers.iter().filter(|layer| layer["rung"] == name);
    let layer = found.next().unwrap_or_else(|| panic!("no layer {name}"));
    assert!(found.next().is_none(), "two layers {name}");
    layer
}

/// The limit of the layer of this name, in milliseconds.
fn limit_ms(document: &Value, name: &str) -> u64 {
    let layer = layer(document, name);
    let limit_ms = layer["limit_ms"].as_u64();
    limit_ms.unwrap_or_else(|| panic!("{name} has no limit: {layer}"))
}

/// By its cookie.
fn explain_socket(socket: impl std::os::fd::AsFd) -> Value {
    let cookie = rustix::net::sockopt::socket_cookie(socket).unwrap();
    explain(&["--cookie", &cookie.to_string()])
}
