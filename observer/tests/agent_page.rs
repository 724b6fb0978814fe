//! The status page of the real agent, in a real browser.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test program"
)]

mod kit;

use kit::agent::Agent;
use kit::dead_peer::{Link, SERVER};
use kit::monitoring::{chromium, wait_until};
use kit::{Need, require};

#[test]
fn a_browser_shows_what_is_in_danger_and_what_to_change() {
    if !require([Need::Root, Need::Program("chromium")]) {
        return;
    }
    let link = Link::new();
    let listener = link.listen();
    let port = listener.local_addr().unwrap().port();
    // At risk for a minute, and nothing else of this host is.
    let config = format!(
        r#"
            [path]
            default = "none"
            rule = [{{ remote = "{SERVER}/32", ports = [{port}], limit = "61s" }}]
            [scan]
            interval = "1s"
            at_risk = 0.01
            [agent]
            workload = "comm"
            "#
    );
    let agent = Agent::start(&config, &[]);
    let url = format!("http://{}/", agent.address);
    let pair = link.pair_with(&listener);
    wait_until("at risk", || agent.get("/").1.contains("at risk"));

    let shown = chromium::show(&url);
    // Such as a style or a snapshot that the page's own policy forbids.
    assert!(shown.console.is_empty(), "{:?}", shown.console);
    let words = shown.words();
    let client = pair.client.local_addr().unwrap();
    for expected in [
        "1 connection is at risk: it will hang if it stays silent",
        &format!("{client} → {SERVER}:{port}\n"),
        &format!("\n{}/", std::process::id()),
        "\nat-risk\n",
        "\n1m1s\n",
        "\noff\n",
        "keepalive is off: set SO_KEEPALIVE and TCP_KEEPIDLE",
        "connected sockets by bpf in",
        "sockets as JSON",
        "observer explain on this host says what to change",
    ] {
        assert!(words.contains(expected), "no {expected:?} in\n{words}");
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let title = format!(
        "<title>1 connection is at risk: it will hang if it stays silent – observer on {}</title>",
        host.trim()
    );
    assert!(shown.dom.contains(&title), "{}", shown.dom);
}
