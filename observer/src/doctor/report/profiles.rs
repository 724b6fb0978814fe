//! The table of path profiles.

use std::io::{self, Write};

use super::wrap::push_wrapped;
use crate::policy::profile::{Counts, PROFILES};
use crate::text::json::{list, number, string};
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
        let half_closed = profile
            .half_closed_s
            .map(|s| format!("{s} s once one end has sent its FIN"));
        let counts = match profile.counts {
            Counts::Segments => None,
            Counts::Payload => Some("payload alone; keepalive does not help".to_owned()),
        };
        for (label, text) in [
            ("half-closed", half_closed),
            ("counts", counts),
            ("then", Some(profile.at_expiry.to_owned())),
            ("source", Some(profile.source.to_owned())),
        ] {
            let Some(text) = text else { continue };
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
        raw(out, ",\"half_closed_s\":");
        number(out, profile.half_closed_s);
        raw(out, ",\"counts\":");
        string(out, profile.counts.name());
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
