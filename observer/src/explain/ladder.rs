//! The ladder of limits: how long each layer waits, as it stands for this socket.

use super::timeouts::{Connect, RTO_MIN_MS, Retransmission, model_timeout_ms};
use super::{Facts, words};
use crate::host::{Program, Resolver};
use crate::model::{Setting, SettingFrom, Socket};
use crate::policy::Judgement;

/// A layer that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RungName {
    /// Looking the peer's name up.
    Lookup,
    /// SYNs without an answer.
    Connect,
    /// Data without an acknowledgement.
    Write,
    /// A read without data.
    Read,
    /// A silent connection whose peer is gone.
    Keepalive,
    /// A middlebox that remembers a silent connection.
    Path,
    /// One request, from the lookup to the first byte of the answer.
    Total,
}

impl RungName {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Connect => "connect",
            Self::Write => "write",
            Self::Read => "read",
            Self::Keepalive => "keepalive",
            Self::Path => "path",
            Self::Total => "total",
        }
    }
}

/// How long a layer waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most so many milliseconds.
    Ms(u64),
    /// For ever.
    Unlimited,
    /// It cannot be told.
    Unknown,
    /// This socket has no such wait.
    NotApplicable,
}

/// One rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// The layer.
    pub name: RungName,
    /// How long it waits.
    pub limit: Limit,
    /// The option, sysctl or file that says so.
    pub from: String,
    /// How it comes about, for people.
    pub detail: String,
}

impl Rung {
    fn new(
        name: RungName,
        limit: Limit,
        from: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            name,
            limit,
            from: from.into(),
            detail: detail.into(),
        }
    }
}

/// Every rung, in the order in which a request meets them.
#[must_use]
pub fn ladder(socket: &Socket, judgement: &Judgement<'_>, facts: &Facts) -> Vec<Rung> {
    let mut ladder = vec![
        lookup(facts),
        connect(socket, facts),
        write(socket, facts),
        read(facts),
        keepalive(socket),
        path(judgement),
    ];
    ladder.push(total(&ladder, socket));
    ladder
}

const ACCEPTED: &str = "this end accepted the connection";

fn lookup(facts: &Facts) -> Rung {
    let rung = |limit, from, detail: String| Rung::new(RungName::Lookup, limit, from, detail);
    if facts.accepted == Some(true) {
        return rung(Limit::NotApplicable, "", ACCEPTED.into());
    }
    let Some(resolver) = &facts.resolver else {
        let detail = "the process's /etc/resolv.conf cannot be read".into();
        return rung(Limit::Unknown, "", detail);
    };
    let conf = &resolver.conf;
    let servers = words::counted(conf.nameservers as u64, "nameserver");
    let asked = format!(
        "{servers}, timeout {} s, attempts {}",
        conf.timeout_s, conf.attempts
    );
    let rotates = if conf.rotate { ", rotate" } else { "" };
    let names = match conf.search {
        None => String::new(),
        Some(count) => format!(
            ", name as it is and in the first of {}",
            words::counted(count as u64, "domain")
        ),
    };
    let silent = "when none answers; not for an address or a name in /etc/hosts";
    let program = facts.program.as_ref();
    match ResolverKind::of(program) {
        ResolverKind::Glibc => glibc(resolver).map_or_else(
            |(limit, why)| rung(limit, "/etc/nsswitch.conf", why),
            |ms| {
                let detail = format!("glibc, {asked}{rotates}{names}; {silent}");
                rung(Limit::Ms(ms), "/etc/resolv.conf", detail)
            },
        ),
        ResolverKind::Go => {
            // Each server is waited for as long, in each attempt, for each form of the name.
            let names = 1 + conf.search.unwrap_or(0) as u64;
            let round_s = u64::from(conf.timeout_s.max(1)) * conf.nameservers as u64;
            let ms = round_s * u64::from(conf.attempts.max(1)) * names * 1000;
            let detail = format!(
                "Go's own resolver, {asked}, {}; {silent}; less where the program sets a deadline",
                words::counted(names, "name")
            );
            rung(Limit::Ms(ms), "/etc/resolv.conf", detail)
        }
        ResolverKind::Musl => {
            let detail = format!(
                "musl, {servers} asked at once, timeout {} s in all for each name; {silent}",
                conf.timeout_s
            );
            let names = 1 + conf.search.unwrap_or(0) as u64;
            rung(
                Limit::Ms(u64::from(conf.timeout_s) * names * 1000),
                "/etc/resolv.conf",
                detail,
            )
        }
        ResolverKind::Unknown => {
            let detail = format!(
                "the program does not use glibc's resolver; /etc/resolv.conf has {asked}{rotates}"
            );
            rung(Limit::Unknown, "", detail)
        }
    }
}

/// Milliseconds, or why there are none.
fn glibc(resolver: &Resolver) -> Result<u64, (Limit, String)> {
    if !resolver.asks("dns") {
        let services = resolver.services.clone().unwrap_or_default().join(" ");
        return Err((
            Limit::Unknown,
            format!(
                "hosts: {services}: names are not looked up by glibc's DNS client, whose limits are known"
            ),
        ));
    }
    if resolver.conf.use_vc {
        return Err((
            Limit::Unknown,
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

fn connect(socket: &Socket, facts: &Facts) -> Rung {
    let rung =
        |limit, from: &str, detail: String| Rung::new(RungName::Connect, limit, from, detail);
    if facts.accepted == Some(true) {
        return rung(Limit::NotApplicable, "", ACCEPTED.into());
    }
    let own = facts.limits.and_then(|limits| limits.syn_retries);
    let sysctl = facts.sysctls.map(|sysctls| sysctls.syn_retries);
    let from = match (own, sysctl) {
        (Some(own), Some(sysctl)) if own != sysctl => "TCP_SYNCNT",
        _ => "net.ipv4.tcp_syn_retries",
    };
    let known = || {
        Some(Connect {
            retries: own.or(sysctl)?,
            linear: facts.sysctls?.syn_linear_timeouts.unwrap_or(0),
            user_timeout_ms: u64::from(socket.keepalive.user_timeout_ms?),
            rto_max_ms: facts.rto_max_ms()?,
        })
    };
    let Some(connect) = known() else {
        let detail = "the socket's options or its namespace's sysctls cannot be read".into();
        return rung(Limit::Unknown, "", detail);
    };
    let gives_up_ms = connect.gives_up_ms();
    let without = Connect {
        user_timeout_ms: 0,
        ..connect
    };
    let from = if gives_up_ms < without.gives_up_ms() {
        "TCP_USER_TIMEOUT"
    } else {
        from
    };
    let linear = match connect.linear {
        0 => String::new(),
        linear => format!(" and {linear} without backoff"),
    };
    let detail = format!(
        "{}{linear}, the first after 1 s; a program's own timer is not seen",
        words::counted(connect.retries.into(), "SYN retry").replace("retrys", "retries")
    );
    rung(Limit::Ms(gives_up_ms), from, detail)
}

/// What ends a connection whose data nobody acknowledges; `None` where a value is unknown.
pub(super) fn retransmission(socket: &Socket, facts: &Facts) -> Option<Retransmission> {
    Some(Retransmission {
        rto_ms: facts.rto_ms()?,
        retries: facts.sysctls?.retries2,
        user_timeout_ms: u64::from(socket.keepalive.user_timeout_ms?),
        rto_max_ms: facts.rto_max_ms()?,
    })
}

fn write(socket: &Socket, facts: &Facts) -> Rung {
    let send = match facts.limits.and_then(|limits| limits.send_timeout_ms) {
        None => "",
        Some(0) => "; SO_SNDTIMEO not set: a send to a peer that reads nothing waits for ever",
        Some(_) => "; SO_SNDTIMEO ends a send that finds no room",
    };
    let Some(data) = retransmission(socket, facts) else {
        let detail = match (
            facts.sysctls,
            facts.rto_max_ms(),
            socket.keepalive.user_timeout_ms,
        ) {
            (Some(sysctls), Some(max_ms), Some(0)) => {
                let least = model_timeout_ms(sysctls.retries2, RTO_MIN_MS, max_ms);
                format!(
                    "at least {}: the socket's RTO cannot be read{send}",
                    words::time(least)
                )
            }
            _ => "the socket's options or its namespace's sysctls cannot be read".into(),
        };
        return Rung::new(RungName::Write, Limit::Unknown, "", detail);
    };
    let rto = words::time(data.rto_ms);
    let (from, why) = if data.user_timeout_ms == 0 {
        let model = words::time(model_timeout_ms(data.retries, RTO_MIN_MS, data.rto_max_ms));
        let why = format!(
            "{} retransmissions from an RTO of {rto}, until {model} are over",
            data.retries
        );
        ("net.ipv4.tcp_retries2", why)
    } else {
        let own = words::time(data.user_timeout_ms);
        (
            "TCP_USER_TIMEOUT",
            format!("{own} after the first retransmission, from an RTO of {rto}"),
        )
    };
    Rung::new(
        RungName::Write,
        Limit::Ms(data.gives_up_ms()),
        from,
        format!("{why}{send}"),
    )
}

fn read(facts: &Facts) -> Rung {
    let rung = |limit, from: &str, detail: &str| Rung::new(RungName::Read, limit, from, detail);
    let limits = facts.limits.unwrap_or_default();
    match (limits.non_blocking, limits.receive_timeout_ms) {
        (Some(true), _) => rung(
            Limit::Unlimited,
            "O_NONBLOCK",
            "the kernel sets none; a timer of the program's own, if it has one, is not seen",
        ),
        (Some(false), Some(0)) => rung(
            Limit::Unlimited,
            "SO_RCVTIMEO",
            "not set; a timer of the program's own, if it has one, is not seen",
        ),
        (Some(false), Some(ms)) => rung(
            Limit::Ms(ms),
            "SO_RCVTIMEO",
            "for each read: a peer that sends a byte in time keeps it for ever",
        ),
        _ => rung(Limit::Unknown, "", "the socket's options cannot be read"),
    }
}

fn keepalive(socket: &Socket) -> Rung {
    let rung =
        |limit, from: &str, detail: String| Rung::new(RungName::Keepalive, limit, from, detail);
    let keepalive = &socket.keepalive;
    match (keepalive.enabled, keepalive.detect_s()) {
        (Some(false), _) => {
            let values = if keepalive.values_set() == Some(true) {
                "off; TCP_KEEP* values are set, and without SO_KEEPALIVE nothing is sent"
            } else {
                "off: a peer that is gone is never noticed on a silent connection"
            };
            rung(Limit::Unlimited, "SO_KEEPALIVE", values.into())
        }
        (Some(true), Some(detect_s)) => {
            let number = |setting: Setting| setting.value.map_or("?".into(), |v| v.to_string());
            let all = [keepalive.idle, keepalive.interval, keepalive.probes];
            let of = |from| all.iter().all(|setting| setting.from == Some(from));
            let from = if of(SettingFrom::Socket) {
                "TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT"
            } else if of(SettingFrom::Sysctl) {
                "net.ipv4.tcp_keepalive_*"
            } else {
                "TCP_KEEP*, net.ipv4.tcp_keepalive_*"
            };
            let mut detail = format!(
                "first probe after {} s, then every {} s, {} in all",
                number(keepalive.idle),
                number(keepalive.interval),
                number(keepalive.probes)
            );
            if let Some(ms @ 1..) = keepalive.user_timeout_ms {
                let own = words::time(ms.into());
                detail += &format!("; TCP_USER_TIMEOUT {own} decides instead of the count");
            }
            rung(Limit::Ms(detect_s.saturating_mul(1000)), from, detail)
        }
        _ => rung(
            Limit::Unknown,
            "",
            "keepalive settings cannot be read".into(),
        ),
    }
}

fn path(judgement: &Judgement<'_>) -> Rung {
    let from = judgement.path.from;
    match judgement.path.limit_s {
        Some(limit_s) => Rung::new(
            RungName::Path,
            Limit::Ms(limit_s.saturating_mul(1000)),
            from,
            "of silence, then the connection is forgotten and nobody is told",
        ),
        None => Rung::new(
            RungName::Path,
            Limit::Unlimited,
            from,
            "no middlebox forgets the connection",
        ),
    }
}

/// One request: what is waited for one after the other.
fn total(ladder: &[Rung], socket: &Socket) -> Rung {
    let waits = [
        RungName::Lookup,
        RungName::Connect,
        RungName::Write,
        RungName::Read,
    ];
    let waits = || ladder.iter().filter(|rung| waits.contains(&rung.name));
    let names = |limit| -> Vec<&str> {
        waits()
            .filter(|rung| rung.limit == limit)
            .map(|rung| rung.name.name())
            .collect()
    };
    let (unlimited, unknown) = (names(Limit::Unlimited), names(Limit::Unknown));
    if !unlimited.is_empty() {
        let dead = match (socket.keepalive.enabled, socket.keepalive.detect_s()) {
            (Some(true), Some(detect_s)) => {
                let detect = words::time(detect_s.saturating_mul(1000));
                format!(
                    "keepalive ends it {detect} after the peer was last heard, if the peer or the path is gone; a peer that lives may take for ever"
                )
            }
            (Some(false), _) => {
                "as far as the kernel goes, not even a peer that is gone ends it".to_owned()
            }
            _ => "whether keepalive ends it when the peer is gone is not known".to_owned(),
        };
        let detail = format!("{} has no limit; {dead}", unlimited.join(" and "));
        return Rung::new(RungName::Total, Limit::Unlimited, "", detail);
    }
    if !unknown.is_empty() {
        let detail = format!("not known: {}", unknown.join(", "));
        return Rung::new(RungName::Total, Limit::Unknown, "", detail);
    }
    let ms = waits().fold(0_u64, |sum, rung| match rung.limit {
        Limit::Ms(ms) => sum.saturating_add(ms),
        _ => sum,
    });
    Rung::new(
        RungName::Total,
        Limit::Ms(ms),
        "",
        "to the first byte of the answer; only a deadline in the program bounds the whole",
    )
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
pub(super) mod tests;
