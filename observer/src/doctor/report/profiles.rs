//! The table of path profiles.

use std::io::{self, Write};

use super::wrap::push_wrapped;
use crate::policy::profile::PROFILES;
use crate::text::json::{list, string};
use crate::text::push::{self, raw};

/// Writes it for people.
pub fn text(to: &mut dyn Write) -> io::Result<()> {
    const NAME: usize = "kube-proxy-conntrack".len();
    const LIMIT: usize = "432000 s".len();
    const INDENT: usize = NAME + LIMIT + 4;
    let mut out = Vec::new();
    raw(
        &mut out,
        &format!("{:<NAME$}  {:>LIMIT$}  WHAT IT IS\n", "PROFILE", "LIMIT"),
    );
    for profile in PROFILES {
        let limit = format!("{} s", profile.limit_s);
        raw(
            &mut out,
            &format!("{:<NAME$}  {limit:>LIMIT$}  ", profile.name),
        );
        push_wrapped(&mut out, INDENT, profile.what);
        for (label, text) in [("then", profile.at_expiry), ("source", profile.source)] {
            out.resize(out.len() + INDENT, b' ');
            push_wrapped(&mut out, INDENT, &format!("{label}: {text}"));
        }
    }
    to.write_all(&out)?;
    to.flush()
}

/// Writes it for programs.
pub fn json(to: &mut dyn Write) -> io::Result<()> {
    let mut out = Vec::new();
    raw(&mut out, "{\"version\":");
    push::int(&mut out, super::json::VERSION);
    raw(&mut out, ",\"profiles\":[\n");
    let mut is_first = true;
    list(&mut out, PROFILES, |out, profile| {
        if !std::mem::take(&mut is_first) {
            out.push(b'\n');
        }
        raw(out, "{\"name\":");
        string(out, profile.name);
        raw(out, ",\"limit_s\":");
        push::int(out, profile.limit_s);
        raw(out, ",\"what\":");
        string(out, profile.what);
        raw(out, ",\"at_expiry\":");
        string(out, profile.at_expiry);
        raw(out, ",\"source\":");
        string(out, profile.source);
        out.push(b'}');
    });
    raw(&mut out, "\n]}\n");
    to.write_all(&out)?;
    to.flush()
}
