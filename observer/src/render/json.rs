//! JSON, version 1: one document, or one socket a line.
//!
//! Written by hand, because tens of thousands of sockets a second go through here; a test reads
//! every field back and pins names and types. docs/json.md is the reference for users.

use std::borrow::Cow;
use std::io::{self, Write};
use std::num::NonZero;

use crate::model::scan::UnknownField;
use crate::model::{Cgroup, Idle, Keepalive, LastSet, Owner, Setting, SettingFrom, Timer};
use crate::policy::{JudgedRef, Judgement, Reason};
use crate::render::parallel::in_order;
use crate::text::json::{boolean, comm, end, list, number, optional, process, set_option, string};
use crate::text::push::{self, raw};

/// The version of the schema: it changes only if a field changes its meaning.
pub const VERSION: u32 = 1;

/// Part of the document that is about the scan as a whole.
#[derive(Debug)]
pub struct Meta<'a> {
    /// Time at which the scan began.
    pub taken_at: jiff::Timestamp,
    /// Host name.
    pub host: Cow<'a, str>,
    /// Release of the kernel.
    pub kernel: Cow<'a, str>,
    /// Scan method.
    pub scan: &'a str,
    /// Attach mode of the hooks.
    pub hooks: &'a str,
    /// Time that the scan took, in tenths of a millisecond.
    pub scan_tenth_ms: u64,
    /// Sockets that the scan returned.
    pub sockets_seen: usize,
    /// Fields that could not be had.
    pub unknown: &'a [UnknownField],
}

/// Number of sockets that are formatted together: system calls do not count then, and they fit in the cache.
const TOGETHER: NonZero<usize> = NonZero::new(128).unwrap();
/// A socket's line is seldom longer.
const LINE: usize = 1000;

/// Writes one document, with a line for each socket, formatted by so many threads.
pub fn document(
    to: &mut dyn Write,
    meta: &Meta<'_>,
    sockets: &[JudgedRef<'_>],
    threads: usize,
) -> io::Result<()> {
    let mut head = Vec::new();
    header(&mut head, meta, sockets.len());
    to.write_all(&head)?;
    let format = |sockets: &[JudgedRef<'_>]| format(sockets, b",\n", b"");
    let mut is_first = true;
    in_order(sockets, TOGETHER, threads, format, |lines| {
        // No comma is before the first.
        let from = usize::from(std::mem::take(&mut is_first));
        to.write_all(lines.get(from..).unwrap_or_default())
    })?;
    to.write_all(if sockets.is_empty() {
        b"]}\n"
    } else {
        b"\n]}\n"
    })?;
    to.flush()
}

/// Writes one socket a line, formatted by so many threads.
pub fn lines(to: &mut dyn Write, sockets: &[JudgedRef<'_>], threads: usize) -> io::Result<()> {
    let format = |sockets: &[JudgedRef<'_>]| format(sockets, b"", b"\n");
    in_order(sockets, TOGETHER, threads, format, |lines| {
        to.write_all(&lines)
    })?;
    to.flush()
}

fn format(sockets: &[JudgedRef<'_>], before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(sockets.len() * LINE);
    for judged in sockets {
        out.extend_from_slice(before);
        socket(&mut out, judged);
        out.extend_from_slice(after);
    }
    out
}

fn header(out: &mut Vec<u8>, meta: &Meta<'_>, sockets_shown: usize) {
    origin(out, meta);
    raw(out, ",\"scan_ms\":");
    push::int(out, meta.scan_tenth_ms / 10);
    out.push(b'.');
    push::int(out, meta.scan_tenth_ms % 10);
    raw(out, ",\"sockets_seen\":");
    push::int(out, meta.sockets_seen);
    raw(out, ",\"sockets_shown\":");
    push::int(out, sockets_shown);
    raw(out, ",\"unknown\":");
    unknown(out, meta.unknown);
    raw(out, ",\"sockets\":[");
}

/// Opens the document: what it is, and where and how it was taken.
pub(crate) fn origin(out: &mut Vec<u8>, meta: &Meta<'_>) {
    raw(out, "{\"version\":");
    push::int(out, VERSION);
    raw(out, ",\"taken_at\":");
    // Writing into a Vec cannot fail.
    drop(write!(out, "\"{:.3}\"", meta.taken_at));
    raw(out, ",\"host\":");
    string(out, &meta.host);
    raw(out, ",\"kernel\":");
    string(out, &meta.kernel);
    raw(out, ",\"scan\":");
    string(out, meta.scan);
    raw(out, ",\"hooks\":");
    string(out, meta.hooks);
}

pub(crate) fn unknown(out: &mut Vec<u8>, unknown: &[UnknownField]) {
    out.push(b'[');
    list(out, unknown, |out, unknown| {
        raw(out, "{\"field\":");
        string(out, unknown.field);
        raw(out, ",\"why\":");
        string(out, &unknown.why);
        out.push(b'}');
    });
    out.push(b']');
}

pub(crate) fn socket(out: &mut Vec<u8>, judged: &JudgedRef<'_>) {
    let socket = judged.socket;
    raw(out, "{\"cookie\":");
    number(out, socket.cookie);
    raw(out, ",\"inode\":");
    number(out, socket.inode);
    raw(out, ",\"netns\":");
    number(out, socket.netns);
    raw(out, ",\"family\":\"");
    raw(out, socket.family.name());
    raw(out, "\",\"state\":\"");
    raw(out, socket.state.name());
    raw(out, "\",\"local\":");
    end(out, socket.local);
    raw(out, ",\"remote\":");
    end(out, socket.remote);
    raw(out, ",\"owners\":[");
    list(out, &socket.owners, owner);
    raw(out, "],\"kernel_owned\":");
    boolean(out, socket.kernel_owned);
    raw(out, ",\"uid\":");
    number(out, socket.uid);
    cgroup(out, socket.cgroup.as_deref());
    let past = socket.past.as_deref().copied().unwrap_or_default();
    keepalive(out, &socket.keepalive, past.sent);
    timer(out, socket.timer);
    idle(out, &socket.idle);
    raw(out, ",\"age_ms\":");
    number(out, past.age_ms);
    raw(out, ",\"bytes_sent\":");
    number(out, socket.bytes_sent);
    raw(out, ",\"bytes_received\":");
    number(out, socket.bytes_received);
    raw(out, ",\"unacked\":");
    number(out, socket.unacked);
    raw(out, ",\"last_set\":");
    optional(out, past.last_set, last_set);
    judgement(out, &judged.judgement);
    out.push(b'}');
}

fn owner(out: &mut Vec<u8>, owner: &Owner) {
    raw(out, "{");
    process(out, owner.pid, owner.comm);
    raw(out, ",\"fd\":");
    push::int(out, owner.fd);
    out.push(b'}');
}

fn cgroup(out: &mut Vec<u8>, cgroup: Option<&Cgroup>) {
    raw(out, ",\"cgroup\":");
    optional(out, cgroup.map(|cgroup| cgroup.path.as_str()), string);
    raw(out, ",\"unit\":");
    optional(
        out,
        cgroup.and_then(|cgroup| cgroup.unit.as_deref()),
        string,
    );
    raw(out, ",\"container\":");
    let container = cgroup.and_then(|cgroup| cgroup.container.as_ref());
    optional(out, container, |out, container| {
        raw(out, "{\"runtime\":");
        string(out, container.runtime);
        raw(out, ",\"id\":");
        string(out, &container.id);
        raw(out, ",\"pod_uid\":");
        optional(out, container.pod_uid.as_deref(), string);
        out.push(b'}');
    });
}

fn keepalive(out: &mut Vec<u8>, keepalive: &Keepalive, sent: Option<u32>) {
    raw(out, ",\"keepalive\":{\"enabled\":");
    boolean(out, keepalive.enabled);
    raw(out, ",\"idle_s\":");
    setting(out, keepalive.idle, ",\"idle_from\":");
    raw(out, ",\"interval_s\":");
    setting(out, keepalive.interval, ",\"interval_from\":");
    raw(out, ",\"probes\":");
    setting(out, keepalive.probes, ",\"probes_from\":");
    raw(out, ",\"user_timeout_ms\":");
    number(out, keepalive.user_timeout_ms);
    raw(out, ",\"next_probe_ms\":");
    number(out, keepalive.next_probe_ms);
    raw(out, ",\"detect_s\":");
    number(out, keepalive.detect_s());
    raw(out, ",\"unanswered\":");
    number(out, keepalive.unanswered);
    raw(out, ",\"sent\":");
    number(out, sent);
    out.push(b'}');
}

fn setting(out: &mut Vec<u8>, setting: Setting, from_key: &str) {
    number(out, setting.value);
    raw(out, from_key);
    optional(out, setting.from.map(SettingFrom::name), string);
}

fn timer(out: &mut Vec<u8>, timer: Option<Timer>) {
    raw(out, ",\"timer\":");
    optional(out, timer, |out, timer| {
        raw(out, "{\"kind\":\"");
        raw(out, timer.kind.name());
        raw(out, "\",\"expires_ms\":");
        push::int(out, timer.expires_ms);
        raw(out, ",\"retransmits\":");
        push::int(out, timer.retransmits);
        raw(out, ",\"netstat\":\"");
        push::netstat(out, timer);
        raw(out, "\"}");
    });
}

fn idle(out: &mut Vec<u8>, idle: &Idle) {
    raw(out, ",\"idle\":{\"data_ms\":");
    number(out, idle.data_ms());
    raw(out, ",\"quiet_ms\":");
    number(out, idle.quiet_ms());
    raw(out, ",\"heard_ms\":");
    number(out, idle.heard_ms());
    raw(out, ",\"sent_ms\":");
    number(out, idle.sent_ms);
    raw(out, ",\"received_ms\":");
    number(out, idle.received_ms);
    raw(out, ",\"last_data\":");
    optional(
        out,
        idle.last_data.map(|direction| direction.name()),
        string,
    );
    out.push(b'}');
}

fn last_set(out: &mut Vec<u8>, last: LastSet) {
    raw(out, "{");
    set_option(out, &last.set);
    raw(out, ",\"pid\":");
    number(out, last.process.map(|process| process.pid));
    raw(out, ",\"comm\":");
    optional(out, last.process.map(|process| process.comm), comm);
    raw(out, ",\"ago_ms\":");
    push::int(out, last.ago_ms);
    raw(out, ",\"inherited\":");
    boolean(out, Some(last.inherited));
    out.push(b'}');
}

fn judgement(out: &mut Vec<u8>, judgement: &Judgement) {
    raw(out, ",\"path\":{\"limit_s\":");
    number(out, judgement.path.limit_s);
    raw(out, ",\"from\":");
    string(out, &judgement.path.from);
    raw(out, "},\"verdict\":");
    optional(out, judgement.verdict.map(|verdict| verdict.name()), string);
    raw(out, ",\"health\":");
    optional(out, judgement.health.map(|health| health.name()), string);
    raw(out, ",\"reasons\":[");
    list(out, judgement.reasons.iter().map(Reason::name), string);
    out.push(b']');
}
