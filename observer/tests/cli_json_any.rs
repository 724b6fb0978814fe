//! Any socket as JSON: every field has its documented name and type, and the model's value in the
//! unit that its name says; it is `null` exactly where the model does not know.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use observer::model::Socket;
use observer::policy::{Judged, Policy, Reason};
use observer::render::json;
use proptest::prelude::*;
use serde_json::Value;

#[path = "golden/arbitrary.rs"]
mod arbitrary;
#[path = "golden/promise.rs"]
mod promise;
#[path = "golden/schema.rs"]
mod schema;

/// Each field with its types.
const SCHEMA: &str = include_str!("golden/json-schema.txt");

/// The document of these sockets, and their lines.
fn printed(sockets: &[Socket], policy: &Policy) -> (Value, Vec<Value>) {
    let judge = |socket| Judged {
        socket,
        judgement: policy.judge(socket),
    };
    let judged: Vec<_> = sockets.iter().map(judge).collect();
    let unknown = schema::unknown();
    let (mut document, mut lines) = (Vec::new(), Vec::new());
    json::document(&mut document, &schema::meta(&unknown), &judged, 1).unwrap();
    json::lines(&mut lines, &judged, 1).unwrap();
    let lines = std::str::from_utf8(&lines).unwrap().lines();
    (
        serde_json::from_slice(&document).unwrap(),
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

/// Each number and switch of a socket by its JSON pointer: `null` exactly where it is not known, and in
/// the unit that its name says.
fn values(socket: &Socket) -> Vec<(&'static str, Option<u64>)> {
    let keepalive = &socket.keepalive;
    let past = socket.past.as_deref().copied().unwrap_or_default();
    let last = past.last_set;
    vec![
        ("/cookie", socket.cookie),
        ("/inode", socket.inode),
        ("/netns", socket.netns.map(u64::from)),
        ("/uid", socket.uid.map(u64::from)),
        ("/kernel_owned", socket.kernel_owned.map(u64::from)),
        ("/local/port", Some(socket.local.port().into())),
        ("/remote/port", Some(socket.remote.port().into())),
        ("/keepalive/enabled", keepalive.enabled.map(u64::from)),
        ("/keepalive/idle_s", keepalive.idle.value.map(u64::from)),
        (
            "/keepalive/interval_s",
            keepalive.interval.value.map(u64::from),
        ),
        ("/keepalive/probes", keepalive.probes.value.map(u64::from)),
        (
            "/keepalive/user_timeout_ms",
            keepalive.user_timeout_ms.map(u64::from),
        ),
        ("/keepalive/next_probe_ms", keepalive.next_probe_ms),
        ("/keepalive/detect_s", keepalive.detect_s()),
        ("/keepalive/unanswered", keepalive.unanswered.map(u64::from)),
        ("/keepalive/sent", past.sent.map(u64::from)),
        (
            "/timer/expires_ms",
            socket.timer.map(|timer| timer.expires_ms),
        ),
        (
            "/timer/retransmits",
            socket.timer.map(|timer| timer.retransmits.into()),
        ),
        ("/idle/data_ms", socket.idle.data_ms()),
        ("/idle/quiet_ms", socket.idle.quiet_ms()),
        ("/idle/heard_ms", socket.idle.heard_ms()),
        ("/idle/sent_ms", socket.idle.sent_ms),
        ("/idle/received_ms", socket.idle.received_ms),
        ("/age_ms", past.age_ms),
        ("/bytes_sent", socket.bytes_sent),
        ("/bytes_received", socket.bytes_received),
        ("/unacked", socket.unacked.map(u64::from)),
        ("/last_set/ago_ms", last.map(|last| last.ago_ms)),
        ("/last_set/errno", last.map(|last| last.set.errno.into())),
        (
            "/last_set/value",
            last.and_then(|last| last.set.value).map(u64::from),
        ),
        (
            "/last_set/pid",
            last.and_then(|last| last.process).map(|by| by.pid.into()),
        ),
        (
            "/last_set/inherited",
            last.map(|last| last.inherited.into()),
        ),
    ]
}

/// Each text, likewise.
fn texts(socket: &Socket, policy: &Policy) -> Vec<(&'static str, Option<String>)> {
    let judgement = policy.judge(socket);
    let cgroup = socket.cgroup.as_deref();
    let container = cgroup.and_then(|cgroup| cgroup.container.as_ref());
    let from = |from: Option<observer::model::SettingFrom>| from.map(|from| from.name().to_owned());
    let own = |text: &str| Some(text.to_owned());
    vec![
        ("/family", own(socket.family.name())),
        ("/state", own(socket.state.name())),
        ("/local/addr", own(&socket.local.ip().to_string())),
        ("/remote/addr", own(&socket.remote.ip().to_string())),
        ("/cgroup", cgroup.map(|cgroup| cgroup.path.clone())),
        ("/unit", cgroup.and_then(|cgroup| cgroup.unit.clone())),
        (
            "/container/id",
            container.map(|container| container.id.clone()),
        ),
        (
            "/container/pod_uid",
            container.and_then(|container| container.pod_uid.clone()),
        ),
        ("/keepalive/idle_from", from(socket.keepalive.idle.from)),
        (
            "/keepalive/interval_from",
            from(socket.keepalive.interval.from),
        ),
        ("/keepalive/probes_from", from(socket.keepalive.probes.from)),
        (
            "/timer/kind",
            socket.timer.map(|timer| timer.kind.name().to_owned()),
        ),
        (
            "/timer/netstat",
            socket.timer.map(|timer| timer.to_string()),
        ),
        (
            "/idle/last_data",
            socket.idle.last_data.map(|last| last.name().to_owned()),
        ),
        ("/path/from", own(&judgement.path.from)),
        (
            "/verdict",
            judgement.verdict.map(|verdict| verdict.name().to_owned()),
        ),
        (
            "/health",
            judgement.health.map(|health| health.name().to_owned()),
        ),
    ]
}

fn is_as_the_model(printed: &Value, socket: &Socket, policy: &Policy) -> Result<(), TestCaseError> {
    for (pointer, expected) in values(socket) {
        let found = printed.pointer(pointer).filter(|value| !value.is_null());
        let number = |value: &Value| value.as_u64().or(value.as_bool().map(u64::from));
        prop_assert_eq!(found.map(number), expected.map(Some), "{}", pointer);
    }
    for (pointer, expected) in texts(socket, policy) {
        let found = printed.pointer(pointer).and_then(Value::as_str);
        prop_assert_eq!(found, expected.as_deref(), "{}", pointer);
    }
    let asked = socket
        .past
        .as_ref()
        .and_then(|past| past.last_set?.set.asked);
    let found = printed.pointer("/last_set/asked").and_then(Value::as_i64);
    prop_assert_eq!(found, asked.map(i64::from));
    let owners = printed["owners"].as_array().unwrap();
    prop_assert_eq!(owners.len(), socket.owners.len());
    for (found, owner) in owners.iter().zip(&socket.owners) {
        prop_assert_eq!(&found["pid"], owner.pid);
        prop_assert_eq!(&found["fd"], owner.fd);
        prop_assert_eq!(&found["comm"], &*owner.comm.to_string_lossy());
    }
    let reasons = policy.judge(socket).reasons;
    let reasons: Vec<&str> = reasons.iter().map(Reason::name).collect();
    prop_assert_eq!(&printed["reasons"], &Value::from(reasons));
    Ok(())
}

proptest! {
    #[test]
    fn any_socket_is_printed_as_promised(
        mut sockets in proptest::collection::vec(arbitrary::socket(), 0..4),
    ) {
        sockets.push(arbitrary::unknown());
        let policy = Policy::default();
        let (document, lines) = printed(&sockets, &policy);
        prop_assert_eq!(&document["sockets"], &Value::from(lines.clone()), "lines are the document's");
        prop_assert_eq!(promise::beyond(&document, SCHEMA), Vec::<String>::new());
        for (line, socket) in lines.iter().zip(&sockets) {
            is_as_the_model(line, socket, &policy)?;
        }
        // Each field is there, known or not.
        let everywhere = |field: &str| {
            let field = field.strip_prefix("sockets[].").filter(|field| !field.contains(['[', '.']));
            field.is_none_or(|field| lines.iter().all(|line| line.get(field).is_some()))
        };
        let missing: Vec<_> = SCHEMA.lines().map(schema::name).filter(|field| !everywhere(field)).collect();
        prop_assert!(missing.is_empty(), "{:?}", missing);
    }
}
