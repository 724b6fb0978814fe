//! Name lookup: when a resolver gives up.

use super::{ACCEPTED, Layer, LayerLimit, LayerName};
use crate::explain::ExplainFacts;
use crate::host::{Program, Resolver};
use crate::text::quantity;

pub(super) fn lookup(facts: &ExplainFacts) -> Layer {
    let layer = |limit, from, detail: String| Layer::new(LayerName::Lookup, limit, from, detail);
    if facts.accepted == Some(true) {
        return layer(LayerLimit::NotApplicable, "", ACCEPTED.into());
    }
    let Some(resolver) = &facts.resolver else {
        let detail = "the process's /etc/resolv.conf cannot be read".into();
        return layer(LayerLimit::Unknown, "", detail);
    };
    let conf = &resolver.conf;
    let servers = quantity::counted(conf.nameservers as u64, "nameserver");
    let asked = format!(
        "{servers}, timeout {} s, attempts {}",
        conf.timeout_s, conf.attempts
    );
    let rotates = if conf.rotate { ", rotate" } else { "" };
    let names = match conf.search {
        None => String::new(),
        Some(count) => format!(
            ", name as it is and in the first of {}",
            quantity::counted(count as u64, "domain")
        ),
    };
    let silent = "when none answers; not for an address or a name in /etc/hosts";
    let program = facts.program.as_ref();
    match ResolverKind::of(program) {
        ResolverKind::Glibc => glibc(resolver).map_or_else(
            |(limit, why)| layer(limit, "/etc/nsswitch.conf", why),
            |ms| {
                let detail = format!("glibc, {asked}{rotates}{names}; {silent}");
                layer(LayerLimit::Ms(ms), "/etc/resolv.conf", detail)
            },
        ),
        ResolverKind::Go => {
            // Each server is waited for as long, in each attempt, for each form of the name.
            let names = 1 + conf.search.unwrap_or(0) as u64;
            let round_s = u64::from(conf.timeout_s.max(1)) * conf.nameservers as u64;
            let ms = round_s * u64::from(conf.attempts.max(1)) * names * 1000;
            let detail = format!(
                "Go's own resolver, {asked}, {}; {silent}; less where the program sets a deadline",
                quantity::counted(names, "name")
            );
            layer(LayerLimit::Ms(ms), "/etc/resolv.conf", detail)
        }
        ResolverKind::Musl => {
            let detail = format!(
                "musl, {servers} asked at once, timeout {} s in all for each name; {silent}",
                conf.timeout_s
            );
            let names = 1 + conf.search.unwrap_or(0) as u64;
            layer(
                LayerLimit::Ms(u64::from(conf.timeout_s) * names * 1000),
                "/etc/resolv.conf",
                detail,
            )
        }
        ResolverKind::Unknown => {
            let detail = format!(
                "the program does not use glibc's resolver; /etc/resolv.conf has {asked}{rotates}"
            );
            layer(LayerLimit::Unknown, "", detail)
        }
    }
}

/// Milliseconds, or why there are none.
fn glibc(resolver: &Resolver) -> Result<u64, (LayerLimit, String)> {
    if !resolver.asks("dns") {
        let services = resolver.services.clone().unwrap_or_default().join(" ");
        return Err((
            LayerLimit::Unknown,
            format!(
                "hosts: {services}: names are not looked up by glibc's DNS client, whose limits are known"
            ),
        ));
    }
    if resolver.conf.use_vc {
        return Err((
            LayerLimit::Unknown,
            "options use-vc: nameservers are asked by TCP, whose connect is the limit".into(),
        ));
    }
    Ok(resolver.conf.one_name_ms() * resolver.conf.names_asked())
}

/// Whose resolver a program uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResolverKind {
    Glibc,
    Go,
    Musl,
    Unknown,
}

impl ResolverKind {
    fn of(program: Option<&Program>) -> Self {
        let Some(program) = program else {
            return Self::Unknown;
        };
        if program.built.go.is_some() {
            Self::Go
        } else if program.maps("ld-musl") || program.maps("libc.musl") {
            Self::Musl
        } else if program.maps("libc.so.6") || program.maps("libc-2.") {
            Self::Glibc
        } else {
            Self::Unknown
        }
    }
}
