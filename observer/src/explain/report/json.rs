//! The explanation as one JSON document; docs/explain.md is the reference for users.

use std::io::{self, Write};

use crate::explain::{Change, Explanation, Layer, LayerLimit};
use crate::policy::JudgedRef;
use crate::render::json::{self, Meta};
use crate::text::json::{boolean, list, number, optional, string};
use crate::text::output::OutputBuffer;
use crate::text::push::{self, raw};

/// Writes the document. `matched` is how many sockets were selected, this one included.
pub fn document(
    to: &mut dyn Write,
    meta: &Meta<'_>,
    matched: usize,
    judged: &JudgedRef<'_>,
    explanation: &Explanation,
) -> io::Result<()> {
    let mut sink = OutputBuffer::new(to);
    let out = &mut sink.buffer;
    json::origin(out, meta);
    raw(out, ",\"sockets_matched\":");
    push::int(out, matched);
    raw(out, ",\"unknown\":");
    json::unknown(out, meta.unknown);
    raw(out, ",\n\"socket\":");
    json::socket(out, judged);
    raw(out, ",\n\"ladder\":[");
    list(out, &explanation.layers, layer);
    raw(out, "],\n\"outcome\":{\"kind\":");
    string(out, explanation.outcome.kind.name());
    raw(out, ",\"in_ms\":");
    number(out, explanation.outcome.in_ms);
    raw(out, ",\"text\":");
    string(out, &explanation.outcome.text);
    raw(out, "},\n\"change\":");
    optional(out, explanation.change.as_ref(), change);
    raw(out, "}\n");
    sink.finish()
}

fn layer(out: &mut Vec<u8>, layer: &Layer) {
    raw(out, "\n{\"rung\":");
    string(out, layer.name.name());
    raw(out, ",\"applies\":");
    boolean(out, Some(layer.limit != LayerLimit::NotApplicable));
    raw(out, ",\"limit_ms\":");
    number(
        out,
        match layer.limit {
            LayerLimit::Ms(ms) => Some(ms),
            _ => None,
        },
    );
    raw(out, ",\"unlimited\":");
    boolean(out, Some(layer.limit == LayerLimit::Unlimited));
    raw(out, ",\"from\":");
    let from = Some(layer.from.as_str()).filter(|from| !from.is_empty());
    optional(out, from, string);
    raw(out, ",\"detail\":");
    string(out, &layer.detail);
    out.push(b'}');
}

fn change(out: &mut Vec<u8>, change: &Change) {
    raw(out, "{\"program\":");
    string(out, &change.program);
    raw(out, ",\"how\":");
    string(out, &change.how);
    raw(out, ",\"snippet\":");
    string(out, &change.snippet);
    raw(out, ",\"sysctls\":[");
    list(out, change.sysctls, |out, (name, value)| {
        raw(out, "{\"name\":");
        string(out, name);
        raw(out, ",\"value\":");
        push::int(out, value);
        out.push(b'}');
    });
    raw(out, "],\"sysctls_suffice\":");
    boolean(out, change.sysctls_suffice);
    raw(out, ",\"sysctl_command\":");
    string(out, &change.sysctl_command);
    out.push(b'}');
}
