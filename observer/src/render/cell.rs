//! Cells of the table: values of a socket as text for people.

use crate::model::{Cgroup, Keepalive, Owner, Past, Socket};
use crate::policy::{JudgedRef, Reason};
use crate::text::{escape, push};

pub(super) fn past<'a>(judged: &JudgedRef<'a>) -> Option<&'a Past> {
    judged.socket.past.as_deref()
}

pub(super) fn detect(out: &mut Vec<u8>, keepalive: &Keepalive) {
    match keepalive.enabled {
        Some(false) => out.push(b'-'),
        _ => duration(out, keepalive.detect_s().map(|s| s.saturating_mul(1000))),
    }
}

pub(super) fn text(out: &mut Vec<u8>, text: Option<&str>) {
    out.extend_from_slice(text.unwrap_or("?").as_bytes());
}

pub(super) fn duration(out: &mut Vec<u8>, ms: Option<u64>) {
    match ms {
        Some(ms) => push::duration(out, ms),
        None => out.push(b'?'),
    }
}

/// `off`, or idle/interval/probes in the units of the socket options: `60/60/9`. Values that were
/// set on a socket whose switch is off show after it.
pub(super) fn keepalive(out: &mut Vec<u8>, keepalive: &Keepalive) {
    match keepalive.enabled {
        None => return out.push(b'?'),
        Some(true) => {}
        Some(false) => {
            out.extend_from_slice(b"off");
            if keepalive.values_set() != Some(true) {
                return;
            }
            out.push(b' ');
        }
    }
    push::int_or_unknown(out, keepalive.idle.value);
    out.push(b'/');
    push::int_or_unknown(out, keepalive.interval.value);
    out.push(b'/');
    push::int_or_unknown(out, keepalive.probes.value);
}

/// Time until the next probe: `-` where none will leave, `?` where that is not known.
pub(super) fn next_probe(out: &mut Vec<u8>, socket: &Socket) {
    let Keepalive {
        enabled,
        next_probe_ms,
        unanswered,
        ..
    } = socket.keepalive;
    let none_will = enabled == Some(false)
        || socket.in_flight == Some(true)
        || !socket.state.is_connected()
        || unanswered.is_some_and(|probes| probes > 0);
    match next_probe_ms {
        None if none_will => out.push(b'-'),
        next_probe_ms => duration(out, next_probe_ms),
    }
}

/// The container as its runtime's tools show it, else the systemd unit, else the path.
pub(super) fn unit(out: &mut Vec<u8>, cgroup: &Cgroup) {
    if let Some(container) = &cgroup.container {
        out.extend_from_slice(container.runtime.as_bytes());
        out.push(b':');
        let short = container.id.get(..12).unwrap_or(&container.id);
        return escape::push_text(out, short.as_bytes());
    }
    let name = cgroup.unit.as_deref().unwrap_or(&cgroup.path);
    escape::push_text(out, name.as_bytes());
}

pub(super) fn reasons(out: &mut Vec<u8>, judged: &JudgedRef<'_>) {
    let before = out.len();
    for reason in judged.judgement.reasons.iter().map(Reason::name) {
        if out.len() > before {
            out.push(b',');
        }
        out.extend_from_slice(reason.as_bytes());
    }
    if out.len() == before {
        out.push(b'-');
    }
}

/// netstat's form, `812/python3`, and how many more hold it.
pub(super) fn first_owner(out: &mut Vec<u8>, socket: &Socket) {
    match socket.owners.as_slice() {
        [] => no_owner(out, socket),
        [first, others @ ..] => {
            owner(out, first);
            if !others.is_empty() {
                out.extend_from_slice(b" +");
                push::int(out, others.len());
            }
        }
    }
}

/// Each with its descriptor: `812/python3:5,813/python3:5`.
pub(super) fn all_owners(out: &mut Vec<u8>, socket: &Socket) {
    if socket.owners.is_empty() {
        return no_owner(out, socket);
    }
    for (i, each) in socket.owners.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        owner(out, each);
        out.push(b':');
        push::int(out, each.fd);
    }
}

fn owner(out: &mut Vec<u8>, owner: &Owner) {
    push::int(out, owner.pid);
    out.push(b'/');
    escape::push_text(out, owner.comm.as_bytes());
}

fn no_owner(out: &mut Vec<u8>, socket: &Socket) {
    text(
        out,
        socket
            .kernel_owned
            .map(|kernel| if kernel { "kernel" } else { "-" }),
    );
}
