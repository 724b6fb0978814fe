//! Waits of TCP itself: connect, write, read, keepalive.

use super::{ACCEPTED, Layer, LayerLimit, LayerName};
use crate::explain::ExplainFacts;
use crate::explain::timeouts::{Connect, RTO_MIN_MS, Retransmission, model_timeout_ms};
use crate::model::{Setting, SettingFrom, Socket};
use crate::text::quantity;

pub(super) fn connect(socket: &Socket, facts: &ExplainFacts) -> Layer {
    let layer =
        |limit, from: &str, detail: String| Layer::new(LayerName::Connect, limit, from, detail);
    if facts.accepted == Some(true) {
        return layer(LayerLimit::NotApplicable, "", ACCEPTED.into());
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
        return layer(LayerLimit::Unknown, "", detail);
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
        quantity::counted(connect.retries.into(), "SYN retry").replace("retrys", "retries")
    );
    layer(LayerLimit::Ms(gives_up_ms), from, detail)
}

/// End of a connection whose data nobody acknowledges; `None` where a value is unknown.
pub(in crate::explain) fn retransmission(
    socket: &Socket,
    facts: &ExplainFacts,
) -> Option<Retransmission> {
    Some(Retransmission {
        rto_ms: facts.rto_ms()?,
        retries: facts.sysctls?.retries2,
        user_timeout_ms: u64::from(socket.keepalive.user_timeout_ms?),
        rto_max_ms: facts.rto_max_ms()?,
    })
}

pub(super) fn write(socket: &Socket, facts: &ExplainFacts) -> Layer {
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
                    quantity::time(least)
                )
            }
            _ => "the socket's options or its namespace's sysctls cannot be read".into(),
        };
        return Layer::new(LayerName::Write, LayerLimit::Unknown, "", detail);
    };
    let rto = quantity::time(data.rto_ms);
    let (from, why) = if data.user_timeout_ms == 0 {
        let model = quantity::time(model_timeout_ms(data.retries, RTO_MIN_MS, data.rto_max_ms));
        let why = format!(
            "{} retransmissions from an RTO of {rto}, until {model} are over",
            data.retries
        );
        ("net.ipv4.tcp_retries2", why)
    } else {
        let own = quantity::time(data.user_timeout_ms);
        (
            "TCP_USER_TIMEOUT",
            format!("{own} after the first retransmission, from an RTO of {rto}"),
        )
    };
    Layer::new(
        LayerName::Write,
        LayerLimit::Ms(data.gives_up_ms()),
        from,
        format!("{why}{send}"),
    )
}

pub(super) fn read(facts: &ExplainFacts) -> Layer {
    let layer = |limit, from: &str, detail: &str| Layer::new(LayerName::Read, limit, from, detail);
    let limits = facts.limits.unwrap_or_default();
    match (limits.non_blocking, limits.receive_timeout_ms) {
        (Some(true), _) => layer(
            LayerLimit::Unlimited,
            "O_NONBLOCK",
            "the kernel sets none; a timer of the program's own, if it has one, is not seen",
        ),
        (Some(false), Some(0)) => layer(
            LayerLimit::Unlimited,
            "SO_RCVTIMEO",
            "not set; a timer of the program's own, if it has one, is not seen",
        ),
        (Some(false), Some(ms)) => layer(
            LayerLimit::Ms(ms),
            "SO_RCVTIMEO",
            "for each read: a peer that sends a byte in time keeps it for ever",
        ),
        _ => layer(
            LayerLimit::Unknown,
            "",
            "the socket's options cannot be read",
        ),
    }
}

pub(super) fn keepalive(socket: &Socket) -> Layer {
    let layer =
        |limit, from: &str, detail: String| Layer::new(LayerName::Keepalive, limit, from, detail);
    let keepalive = &socket.keepalive;
    match (keepalive.enabled, keepalive.detect_s()) {
        (Some(false), _) => {
            let values = if keepalive.values_set() == Some(true) {
                "off; TCP_KEEP* values are set, and without SO_KEEPALIVE nothing is sent"
            } else {
                "off: a peer that is gone is never noticed on a silent connection"
            };
            layer(LayerLimit::Unlimited, "SO_KEEPALIVE", values.into())
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
                let own = quantity::time(ms.into());
                detail += &format!("; TCP_USER_TIMEOUT {own} decides instead of the count");
            }
            layer(LayerLimit::Ms(detect_s.saturating_mul(1000)), from, detail)
        }
        _ => layer(
            LayerLimit::Unknown,
            "",
            "keepalive settings cannot be read".into(),
        ),
    }
}
