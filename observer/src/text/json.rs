//! Values and members that every JSON document here is made of.

use std::net::SocketAddr;

use crate::model::{Comm, SetOption, Via};
use crate::text::escape;
use crate::text::push::{self, raw};

pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    escape::push_json(out, text.as_bytes());
}

pub(crate) fn comm(out: &mut Vec<u8>, comm: Comm) {
    escape::push_json(out, comm.as_bytes());
}

pub(crate) fn number(out: &mut Vec<u8>, value: Option<impl itoa::Integer>) {
    optional(out, value, |out, value| push::int(out, value));
}

pub(crate) fn boolean(out: &mut Vec<u8>, value: Option<bool>) {
    optional(out, value, |out, value| {
        raw(out, if value { "true" } else { "false" });
    });
}

pub(crate) fn optional<T>(out: &mut Vec<u8>, value: Option<T>, push: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => push(out, value),
        None => raw(out, "null"),
    }
}

pub(crate) fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut Vec<u8>, T),
) {
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push(out, item);
    }
}

pub(crate) fn end(out: &mut Vec<u8>, end: SocketAddr) {
    raw(out, "{\"addr\":\"");
    push::ip(out, end.ip());
    raw(out, "\",\"port\":");
    push::int(out, end.port());
    out.push(b'}');
}

/// The members that name a process, without braces.
pub(crate) fn process(out: &mut Vec<u8>, pid: u32, name: Comm) {
    raw(out, "\"pid\":");
    push::int(out, pid);
    raw(out, ",\"comm\":");
    comm(out, name);
}

/// The members of an option that was set, without braces.
pub(crate) fn set_option(out: &mut Vec<u8>, set: &SetOption) {
    raw(out, "\"option\":");
    string(out, set.option.name());
    raw(out, ",\"asked\":");
    number(out, set.asked);
    raw(out, ",\"value\":");
    number(out, set.value);
    raw(out, ",\"errno\":");
    push::int(out, set.errno);
    raw(out, ",\"via\":");
    optional(out, set.via.map(Via::name), string);
}
