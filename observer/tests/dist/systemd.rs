//! The unit: systemd takes it, it is as tight as it was, and observer sees with its rights what it
//! sees with all.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::kit::agent::Agent;
use crate::kit::monitoring::dist::text;
use crate::kit::monitoring::{Folder, said};
use crate::kit::netns::TestNetns;
use crate::kit::sockets::Pair;
use crate::kit::{Need, require};

/// systemd's measure of how exposed a service is, 0 to 10. Its versions weigh things otherwise, by a
/// tenth or two.
const MOST_EXPOSED: f64 = 3.5;

const NAME: &str = "systemd/observer-agent.service";

/// The unit with observer as it was built here.
fn written(folder: &Folder, unit: &str) -> PathBuf {
    let unit = unit.replace("/usr/bin/observer", env!("CARGO_BIN_EXE_observer"));
    folder.write("observer-agent.service", &unit)
}

/// The words of all lines with this key.
pub(crate) fn words(key: &str) -> Vec<String> {
    let unit = text(NAME);
    let values = unit
        .lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

#[test]
fn systemd_finds_nothing_wrong() {
    if !require([Need::Program("systemd-analyze")]) {
        return;
    }
    let folder = Folder::new("verify");
    let verify = |unit: &str| {
        let unit = written(&folder, unit);
        said(
            Command::new("systemd-analyze")
                .args(["verify", "--man=no"])
                .arg(unit),
        )
    };
    let unit = text(NAME);
    assert_eq!(verify(&unit), (true, String::new()));
    let (_, complaint) = verify(&unit.replace("ProtectClock=", "ProtectClocks="));
    assert!(complaint.contains("ProtectClocks"), "{complaint}");
}

#[test]
fn it_is_no_more_exposed_than_it_was() {
    if !require([Need::Program("systemd-analyze")]) {
        return;
    }
    let folder = Folder::new("security");
    let exposure = |unit: &str| -> f64 {
        let unit = written(&folder, unit);
        let (_, text) = said(
            Command::new("systemd-analyze")
                .args(["security", "--no-pager", "--offline=true"])
                .arg(unit),
        );
        let overall = text.split("Overall exposure level").nth(1);
        let number = overall.and_then(|line| line.split_once(": ")?.1.split(' ').next());
        number.and_then(|number| number.parse().ok()).expect(&text)
    };
    let unit = text(NAME);
    let now = exposure(&unit);
    assert!(now <= MOST_EXPOSED, "{now}");
    // And each of these counts, by whatever this version's weights are.
    for protection in [
        "ProtectKernelModules=yes",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
    ] {
        let without = exposure(&unit.replace(protection, ""));
        assert!(without > now, "{protection}: {without}, with it {now}");
    }
}

/// Starts what follows with these capabilities.
pub(crate) fn with_rights(capabilities: &str) -> Vec<String> {
    let bounding = format!("--bounding-set={capabilities}");
    let words = ["setpriv", "--no-new-privs", "--inh-caps=-all", &bounding];
    words.map(str::to_owned).into()
}

/// Of what `observer doctor` looks at, what is lost on this host with these capabilities.
fn lost(capabilities: &str) -> BTreeSet<String> {
    let by = with_rights(capabilities);
    let output = Command::new(&by[0])
        .args(&by[1..])
        .args([env!("CARGO_BIN_EXE_observer"), "doctor", "-o", "json"])
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let checks = document["checks"].as_array().unwrap();
    let lost = checks.iter().filter(|check| check["lost"] == true);
    let names = lost.map(|check| check["name"].as_str().unwrap().to_owned());
    let ways = ["scan", "hooks"].map(|way| format!("{way} by {}", document[way]));
    names.chain(ways).collect()
}

/// Its capabilities, as setpriv wants them, but for one.
pub(crate) fn without(left_out: &str) -> String {
    let names = words("CapabilityBoundingSet");
    let kept = names.iter().filter(|name| *name != left_out);
    let kept = kept.map(|name| name.trim_start_matches("CAP_").to_lowercase());
    kept.fold("-all".to_owned(), |set, name| set + ",+" + &name)
}

#[test]
fn its_rights_are_enough() {
    if !require([Need::Root]) {
        return;
    }
    let with_all = lost("+all");
    assert_eq!(lost(&without("")), with_all);
    // And the comparison can fail.
    for needed in ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"] {
        assert!(lost(&without(needed)).contains(needed), "{needed}");
    }
}

/// Work of an agent with these capabilities: what it attached, remembers, cannot tell, and warns of.
fn works(capabilities: &str) -> BTreeSet<String> {
    let config = "[scan]\ninterval = \"1s\"\n";
    let mut agent = Agent::start_by(&with_rights(capabilities), config, &[]);
    // After a second look.
    std::thread::sleep(Duration::from_millis(1500));
    let (_, metrics) = agent.get("/metrics");
    let telling = [
        "observer_host_info",
        "observer_hook_attached",
        "observer_notes_capacity",
        "observer_scan_failures_total",
    ];
    let lines = metrics
        .lines()
        .filter(|line| telling.iter().any(|name| line.starts_with(name)))
        .map(str::to_owned);
    let (_, sockets) = agent.get("/api/v1/sockets");
    let sockets: Value = serde_json::from_str(&sockets).unwrap();
    let unknown = sockets["unknown"].as_array().unwrap();
    let unknown = unknown.iter().map(|one| one["field"].to_string());
    // Without when and how many, which differ from run to run.
    let plain = |line: String| line.replace(|c: char| c.is_ascii_digit(), "");
    let complaints = agent.log().into_iter().filter(|line| {
        [" WARN ", " ERROR "]
            .iter()
            .any(|level| line.contains(level))
    });
    let works = lines.chain(unknown).chain(complaints.map(plain)).collect();
    agent.signal(libc::SIGTERM);
    assert!(agent.wait().0.success());
    works
}

/// Difference between an agent with these capabilities and one with all. What else runs on this host
/// makes a difference too, but not the same one each time.
fn changed(capabilities: &str) -> BTreeSet<String> {
    let differences = || &works(capabilities) ^ &works("+all");
    let first = differences();
    (1..3).fold(first, |kept, _| {
        if kept.is_empty() {
            kept
        } else {
            &kept & &differences()
        }
    })
}

#[test]
fn the_agent_does_with_its_rights_what_it_does_with_all() {
    if !require([Need::Root]) {
        return;
    }
    // A namespace to enter, which takes a right.
    let netns = TestNetns::new();
    let _pair = netns.enter(Pair::new);
    assert!(works("+all").contains("observer_scan_failures_total 0"));
    assert_eq!(changed(&without("")), BTreeSet::new());
    // And the comparison can fail.
    assert_ne!(changed(&without("CAP_SYS_ADMIN")), BTreeSet::new());
}
