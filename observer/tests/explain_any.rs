//! Any socket is explained, whatever its host says: no arithmetic runs over, no line is too long, a wait
//! has a limit or none, and the document has the fields that it promises.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use observer::explain::report;
use observer::explain::{ExplainFacts, explain};
use observer::host::resolver::ResolvConf;
use observer::host::{Program, Resolver, RetrySysctls, SocketLimits};
use observer::policy::path::{Limit, PathPolicy};
use observer::policy::{DEFAULT_AT_RISK, Judged, Policy};
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

#[path = "golden/arbitrary.rs"]
mod arbitrary;
#[path = "golden/promise.rs"]
mod promise;
#[path = "golden/schema.rs"]
mod schema;

/// Each field with its types, without those of the socket.
const SCHEMA: &str = include_str!("golden/explain-schema.txt");

fn limits() -> impl Strategy<Value = SocketLimits> {
    let waits = (
        option::of(any::<u64>()),
        option::of(any::<u64>()),
        option::of(any::<bool>()),
    );
    let retries = (
        option::of(any::<u32>()),
        option::of(any::<u64>()),
        option::of(any::<u64>()),
        option::of(any::<u8>()),
    );
    (waits, retries, option::of(any::<u32>())).prop_map(
        |((send, receive, non_blocking), (syn_retries, rto_max_ms, rto_ms, backoff), rtt_us)| {
            SocketLimits {
                syn_retries,
                send_timeout_ms: send,
                receive_timeout_ms: receive,
                non_blocking,
                rto_max_ms,
                rto_ms,
                backoff,
                rtt_us,
            }
        },
    )
}

fn sysctls() -> impl Strategy<Value = RetrySysctls> {
    (
        any::<u32>(),
        option::of(any::<u32>()),
        any::<u32>(),
        option::of(any::<u32>()),
    )
        .prop_map(
            |(syn_retries, syn_linear_timeouts, retries2, rto_max_ms)| RetrySysctls {
                syn_retries,
                syn_linear_timeouts,
                retries2,
                rto_max_ms,
            },
        )
}

fn facts() -> impl Strategy<Value = ExplainFacts> {
    let names = [
        "curl",
        "wget",
        "python3.11",
        "java",
        "node",
        "dotnet",
        "psql",
        "x\u{1b}[2J",
    ];
    let program = proptest::sample::select(names.to_vec()).prop_map(|exe| Program {
        exe: format!("/usr/bin/{exe}").into_bytes(),
        ..Program::default()
    });
    let resolver = proptest::collection::vec(any::<u8>(), 0..60).prop_map(|text| Resolver {
        conf: ResolvConf::parse(&text),
        services: None,
    });
    let who = (option::of(any::<u32>()), option::of(any::<u32>()));
    let how = (option::of(any::<bool>()), option::of(any::<bool>()));
    let read = (
        option::of(limits()),
        option::of(sysctls()),
        option::of(resolver),
        option::of(program),
    );
    (who, how, read).prop_map(
        |((pid, netns_pid), (own_netns, accepted), (limits, sysctls, resolver, program))| {
            ExplainFacts {
                pid,
                limits,
                sysctls,
                resolver,
                program,
                own_netns,
                netns_pid,
                accepted,
            }
        },
    )
}

fn policy(limit_s: Option<u64>) -> Policy {
    let limit = limit_s.map_or(Limit::None, |limit_s| Limit::Duration {
        limit_s,
        written: format!("{limit_s}s").into(),
    });
    Policy {
        path: PathPolicy::new(limit, Vec::new()),
        at_risk: DEFAULT_AT_RISK,
    }
}

proptest! {
    #[test]
    fn any_socket_is_explained(
        socket in prop_oneof![9 => arbitrary::socket(), 1 => Just(arbitrary::unknown())],
        facts in facts(), limit_s in option::of(prop_oneof![1_u64..5000, 1..=u64::MAX / 1000]),
    ) {
        let policy = policy(limit_s);
        let judged = Judged::by(&policy, &socket);
        let explanation = explain(&socket, &judged.judgement, &facts);
        let mut lines = report::heading(&judged, 1, 80);
        lines.extend(report::lines(&explanation, 80));
        let mut out = Vec::new();
        report::write(&mut out, &lines, false).unwrap();
        let text = String::from_utf8(out).unwrap();
        prop_assert!(!text.contains('\u{1b}'), "{}", text);
        let mut out = Vec::new();
        let unknown = schema::unknown();
        report::json::document(&mut out, &schema::meta(&unknown), 7, &judged, &explanation).unwrap();
        let mut document: Value = serde_json::from_slice(&out).unwrap();
        prop_assert!(document.as_object_mut().unwrap().remove("socket").is_some());
        prop_assert_eq!(promise::beyond(&document, SCHEMA), Vec::<String>::new());
        for layer in document["ladder"].as_array().unwrap() {
            let limited = layer["limit_ms"].is_u64();
            let unlimited = layer["unlimited"] == true;
            prop_assert!(!(limited && unlimited), "{}", layer);
            prop_assert!(layer["applies"] == true || !limited && !unlimited, "{}", layer);
        }
    }
}
