//! The unit's filters, against every system call of an agent's life. systemd does not run where this
//! test does, so they are not applied: strace tells what would have been refused.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::kit::agent::{Agent, Sink, until};
use crate::kit::dead_peer::Link;
use crate::kit::monitoring::{Folder, said};
use crate::kit::{Need, require};
use crate::systemd::{with_rights, without, words};

/// Members of each of systemd's groups of system calls, groups among them.
fn groups() -> BTreeMap<String, Vec<String>> {
    let (good, text) = said(Command::new("systemd-analyze").args(["--no-pager", "syscall-filter"]));
    assert!(good, "{text}");
    let mut groups = BTreeMap::<String, Vec<String>>::new();
    let mut last = String::new();
    for line in text.lines().filter(|line| !line.trim().starts_with('#')) {
        match line.strip_prefix("    ") {
            Some(member) => groups
                .entry(last.clone())
                .or_default()
                .push(member.trim().to_owned()),
            None => line.trim().clone_into(&mut last),
        }
    }
    groups
}

fn expanded(groups: &BTreeMap<String, Vec<String>>, name: &str) -> BTreeSet<String> {
    if !name.starts_with('@') {
        return [name.to_owned()].into();
    }
    let members = groups.get(name);
    let members = members.unwrap_or_else(|| panic!("systemd has no group {name}"));
    let all = members.iter().flat_map(|member| expanded(groups, member));
    all.collect()
}

/// System calls that the unit's lines allow, in their order.
fn allowed() -> BTreeSet<String> {
    let groups = groups();
    let mut allowed = BTreeSet::new();
    let mut takes_away = false;
    for word in words("SystemCallFilter") {
        let name = word.trim_start_matches('~');
        // A line that begins with ~ does so for all of its words; the next group allows again.
        takes_away = word.starts_with('~') || (takes_away && name.starts_with('@'));
        for call in expanded(&groups, name) {
            if takes_away {
                allowed.remove(&call);
            } else {
                allowed.insert(call);
            }
        }
    }
    allowed
}

/// The calls of an agent that starts, looks, is scraped, tells of an alert, reloads and ends.
fn life(arguments: &[&str]) -> String {
    let folder = Folder::new("calls");
    let trace = folder.0.join("trace");
    let mut by = with_rights(&without(""));
    // The agent stays this process's child, to which signals go.
    let strace = ["strace", "-D", "-f", "-qq", "-o"];
    by.extend(strace.map(str::to_owned));
    by.push(trace.display().to_string());

    let (sink, link) = (Sink::start(), Link::new());
    let pair = link.pair();
    let remote = pair.server.local_addr().unwrap();
    let config = format!(
        "[path]\ndefault = \"1s\"\n[scan]\ninterval = \"1s\"\n{}",
        sink.config().replace("127.0.0.1", "localhost")
    );
    let mut agent = Agent::start_by(&by, &config, arguments);
    for path in ["/metrics", "/", "/api/v1/sockets"] {
        assert_eq!(agent.get(path).0, 200, "{path}");
    }
    sink.wait_firing("KeepaliveStale", &remote.to_string());
    agent.reload(&config);
    agent.wait_for_log("the configuration was read again");
    agent.signal(libc::SIGTERM);
    assert!(agent.wait().0.success());
    until("strace has written the end", || {
        let text = std::fs::read_to_string(&trace).unwrap();
        text.contains(" exit_group(").then_some(text)
    })
}

/// Names of the calls in it.
fn names(trace: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let (_pid, call) = line.trim_start().split_once(' ')?;
        let (name, _) = call.trim_start().split_once('(')?;
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        is_name.then(|| name.to_owned())
    };
    trace.lines().filter_map(name).collect()
}

/// Those that the unit refuses.
fn refused(trace: &str) -> Vec<String> {
    let allowed = allowed();
    let mut refused: Vec<_> = names(trace).difference(&allowed).cloned().collect();
    let families = words("RestrictAddressFamilies");
    for line in trace.lines() {
        let after = |call: &str| Some(line.split_once(call)?.1);
        let is_known = |text: &str| families.iter().any(|family| text.starts_with(family));
        let of_family = after(" socket(").or(after(" socketpair("));
        let enters = after(" setns(").is_some_and(|text| !text.contains(", CLONE_NEWNET"));
        let makes = after(" unshare(").is_some_and(|text| text.contains("CLONE_NEW"));
        let is_code = line.contains("PROT_WRITE|PROT_EXEC")
            || after(" mprotect(").is_some_and(|text| text.contains("PROT_EXEC"));
        if of_family.is_some_and(|text| !is_known(text)) || enters || makes || is_code {
            refused.push(line.to_owned());
        }
    }
    refused
}

#[test]
fn the_unit_allows_what_the_agent_does() {
    if !require([
        Need::Root,
        Need::Program("strace"),
        Need::Program("systemd-analyze"),
    ]) {
        return;
    }
    for arguments in [&[][..], &["--scan", "diag", "--hooks", "none"]] {
        let trace = life(arguments);
        assert!(names(&trace).len() > 40, "{trace}");
        assert_eq!(refused(&trace), Vec::<String>::new(), "{arguments:?}");
    }
    // And it can refuse.
    let forbidden = "7 reboot(1) = 0\n7 socket(AF_PACKET, SOCK_RAW, 0) = 3\n\
                     7 setns(3, 0) = 0\n7 unshare(CLONE_NEWNS) = 0";
    assert_eq!(refused(forbidden).len(), 4);
    assert_eq!(
        names("7  <... read resumed>) = 1\n7 +++ exited\n7 read(3"),
        ["read".to_owned()].into()
    );
}
