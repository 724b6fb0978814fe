//! Annotations of an alert: its group, for people.

use super::group::{Group, GroupSockets, quiet_ms};
use super::kind::{AlertKind, SummaryParts};
use super::peer::Peer;
use crate::model::SettingFrom;
use crate::policy::forecast::is_late_by_interval;
use crate::policy::remedy::{Change, KeepaliveRemedy, KeepaliveSetting, SettingChanges};
use crate::policy::snapshot::Flagged;
use crate::policy::{Judged, Reason, Remedy, Verdict};
use crate::text::escape;
use crate::text::quantity::{counted, time};

/// The annotations of a group, as it was last found.
pub(super) fn annotations(group: &Group, found: &GroupSockets<'_>) -> Vec<(&'static str, String)> {
    let example = found.longest;
    let limit = example
        .judged
        .judgement
        .path
        .limit_s
        .map(|limit_s| format!("{limit_s} ({})", example.judged.judgement.path.from));
    let longest_quiet_s = quiet_ms(example).map(|ms| (ms / 1000).to_string());
    [
        ("summary", Some(summary(group, found))),
        ("description", Some(description(group.kind, example))),
        ("sockets", Some(found.sockets.to_string())),
        ("longest_quiet_s", longest_quiet_s),
        ("path_limit_s", limit),
        ("example", Some(holder(example))),
        ("fix", Some(fix(example))),
        ("command", Some(command(group, example))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn summary(group: &Group, found: &GroupSockets<'_>) -> String {
    let connections = counted(found.sockets, "connection");
    let Group {
        workload, remote, ..
    } = group;
    let of = match remote.port {
        Some(_) => format!("{connections} of {workload} to {remote}"),
        None => format!("{connections} of {workload} from {}", remote.address),
    };
    let them = if found.sockets == 1 { "it" } else { "them" };
    let quiet = quiet_ms(found.longest).map_or("a time that is unknown".to_owned(), time);
    let limit = limit(found.longest);
    let parts = SummaryParts { quiet, them, limit };
    format!("{of}: {}", (group.kind.summary)(&parts))
}

fn limit(example: &Flagged) -> String {
    match example.judged.judgement.path.limit_s {
        Some(limit_s) => format!("{limit_s} s ({})", example.judged.judgement.path.from),
        None => "a time that is unknown".to_owned(),
    }
}

fn description(kind: &AlertKind, example: &Flagged) -> String {
    let keepalive = &example.judged.socket.keepalive;
    let reasons = example.judged.judgement.reasons;
    let protection = match (
        example.judged.judgement.verdict,
        keepalive.idle.value,
        keepalive.interval.value,
    ) {
        (Some(Verdict::Unprotected), ..) if keepalive.enabled == Some(true) => {
            "Keepalive is on, and the path does not count its probes.".to_owned()
        }
        (Some(Verdict::Unprotected), ..) => "Keepalive is off.".to_owned(),
        (Some(Verdict::Late), ..) if reasons.contains(Reason::NoProbes) => {
            "tcp_keepalive_probes is 0: no probe ever goes out.".to_owned()
        }
        (Some(Verdict::Late), ..) if reasons.contains(Reason::TimerTooLate) => {
            "The keepalive timer was armed before its values were lowered.".to_owned()
        }
        (Some(Verdict::Late), _, Some(interval_s))
            if is_late_by_interval(&example.judged.socket, &example.judged.judgement.path) =>
        {
            format!("After a keepalive probe the next one goes out only {interval_s} s later.")
        }
        (Some(Verdict::Late), Some(idle_s), _) => {
            format!("The first keepalive probe goes out only after {idle_s} s of silence.")
        }
        _ => "Keepalive is on.".to_owned(),
    };
    (kind.description)(&protection, example)
}

/// Whose the example is: a process, its name and the local port.
fn holder(example: &Flagged) -> String {
    let port = example.judged.socket.local.port();
    match example.judged.socket.owners.first() {
        Some(owner) => {
            let comm = escape::text(owner.comm.as_bytes());
            format!("pid {} ({comm}), local port {port}", owner.pid)
        }
        None if example.judged.socket.kernel_owned == Some(true) => {
            format!("held by the kernel, local port {port}")
        }
        None => format!("held by no process that is known, local port {port}"),
    }
}

/// The change that would have kept the group out of danger.
fn fix(example: &Flagged) -> String {
    let Judged { socket, judgement } = &example.judged;
    let remedy = Remedy::of(socket, judgement);
    match &remedy.keepalive {
        KeepaliveRemedy::Protects(changes) => setting_fix(changes, &example.judged),
        KeepaliveRemedy::LimitTooShort(_) => {
            "none in the program's settings: no keepalive time is below a path limit this short; send data more often, or have the path remember longer".to_owned()
        }
        KeepaliveRemedy::NotCounted => {
            "none in the keepalive settings: the proxy on the path counts payload alone; send a heartbeat of the protocol within its limit, or give the proxy a longer timeout".to_owned()
        }
        KeepaliveRemedy::NotNeeded | KeepaliveRemedy::Unknown(_) => {
            "none in the program: keepalive works; look at the peer and at the path to it"
                .to_owned()
        }
    }
}

fn setting_fix(changes: &SettingChanges, judged: &Judged) -> String {
    let values = changes.values;
    let all = format!(
        "TCP_KEEPIDLE={}, TCP_KEEPINTVL={} and TCP_KEEPCNT={}",
        values.idle_s, values.interval_s, values.probes
    );
    let reasons = judged.judgement.reasons;
    if reasons.contains(Reason::ValuesWithoutSwitch) {
        return format!(
            "turn SO_KEEPALIVE on: values were set on the socket, but they do nothing without it; good ones are {all}"
        );
    }
    if changes.turn_on() {
        return format!("turn SO_KEEPALIVE on, with {all}");
    }
    if changes.sysctls_suffice(&judged.socket.keepalive) == Some(true) {
        let sysctls = lowered(changes, KeepaliveSetting::sysctl);
        return format!("set {all} on the socket, or lower {sysctls} in its network namespace");
    }
    match changes.needed.as_slice() {
        [Change::Set { now, .. }] if now.from == Some(SettingFrom::Socket) => {
            format!("lower {}", lowered(changes, KeepaliveSetting::option))
        }
        _ => format!("set {all} on the socket"),
    }
}

/// Each setting that is to be changed, by the name of its option or sysctl, with both values.
fn lowered(changes: &SettingChanges, name: fn(KeepaliveSetting) -> &'static str) -> String {
    let step = |change: &Change| match *change {
        Change::Set { setting, now, to } => {
            let now = now
                .value
                .map_or(String::new(), |now| format!(" (now {now})"));
            Some(format!("{}{now} to {to}", name(setting)))
        }
        Change::TurnOn => None,
    };
    let steps: Vec<String> = changes.needed.iter().filter_map(step).collect();
    steps.join(" and ")
}

/// Command that says more, on this host.
fn command(group: &Group, example: &Flagged) -> String {
    let Peer { address, port } = group.remote;
    let port = port.unwrap_or(example.judged.socket.local.port());
    let health = group.kind.health.name();
    format!("observer explain --remote {address} --port {port} --health {health}")
}

#[cfg(test)]
#[path = "describe_tests.rs"]
mod tests;
