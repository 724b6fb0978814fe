//! The diagnosis for programs.

use std::io::{self, Write};

use super::tenth_ms;
use crate::doctor::{Check, Diagnosis, Outcome};
use crate::text::json::{boolean, number, optional, string};
use crate::text::push::{self, raw};

/// The version of the document: it changes only if a field changes its meaning.
pub(super) const VERSION: u32 = 1;

/// Writes one document, with a line for each check.
pub fn write(to: &mut dyn Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let mut out = Vec::new();
    let facts = &diagnosis.facts;
    raw(&mut out, "{\"version\":");
    push::int(&mut out, VERSION);
    raw(&mut out, ",\"host\":");
    string(&mut out, &facts.host);
    raw(&mut out, ",\"kernel\":");
    string(&mut out, &facts.kernel);
    raw(&mut out, ",\"scan\":");
    optional(&mut out, facts.scan_name(), string);
    raw(&mut out, ",\"hooks\":");
    string(&mut out, facts.hooks_name());
    let scan = facts.scan.as_ref().ok();
    raw(&mut out, ",\"scan_ms\":");
    optional(&mut out, scan, |out, scan| raw(out, &tenth_ms(scan.took)));
    raw(&mut out, ",\"sockets_seen\":");
    number(&mut out, scan.map(|scan| scan.sockets));
    raw(&mut out, ",\"scan_ns_per_socket\":");
    number(&mut out, scan.and_then(|scan| scan.ns_each()));
    let cost = facts.opened_hooks().and_then(|hooks| hooks.cost);
    raw(&mut out, ",\"syscall_ns\":");
    nanoseconds(&mut out, cost.map(|cost| cost.without_ns));
    raw(&mut out, ",\"syscall_hooked_ns\":");
    nanoseconds(&mut out, cost.map(|cost| cost.with_ns));
    raw(&mut out, ",\"checks\":[\n");
    for (i, one) in diagnosis.checks.iter().enumerate() {
        if i > 0 {
            raw(&mut out, ",\n");
        }
        check(&mut out, one);
    }
    raw(&mut out, "\n]}\n");
    to.write_all(&out)?;
    to.flush()
}

fn nanoseconds(out: &mut Vec<u8>, ns: Option<f64>) {
    // JSON has no infinity, which a clock that stands still would give.
    optional(out, ns.filter(|ns| ns.is_finite()), |out, ns| {
        raw(out, &format!("{ns:.1}"));
    });
}

fn check(out: &mut Vec<u8>, check: &Check) {
    raw(out, "{\"name\":");
    string(out, &check.name);
    raw(out, ",\"ok\":");
    boolean(out, check.outcome.ok());
    raw(out, ",\"lost\":");
    boolean(out, Some(check.outcome == Outcome::Lost));
    raw(out, ",\"detail\":");
    string(out, &check.detail);
    raw(out, ",\"consequence\":");
    optional(out, check.consequence.as_deref(), string);
    raw(out, ",\"remedy\":");
    optional(out, check.remedy.as_deref(), string);
    out.push(b'}');
}
