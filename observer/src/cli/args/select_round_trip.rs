//! A selection, written as flags and as a query, reads back as itself.

use axum::extract::Query;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

/// Flags with their values, and the selection that they are.
fn selections() -> impl Strategy<Value = (Vec<(String, String)>, Selection)> {
    let numbers = (many(1_u32..), many(1_u16..), many(any::<u32>()));
    let ranges = (many(ranges()), many(ranges()));
    let names = (
        subsequence(&State::ALL[..], 0..4),
        subsequence(&Verdict::ALL[..], 0..3),
        subsequence(&Health::ALL[..], 0..3),
    );
    let spans = (many(spans()), many(spans()));
    let globs = (many(".{0,12}"), many("[*?a-z/. %&=+-]{1,12}"));
    let switches = (any::<bool>(), any::<bool>(), any::<bool>());
    (numbers, ranges, names, spans, globs, switches).prop_map(
        |((pids, ports, netns), (remotes, locals), names, spans, (comms, cgroups), switches)| {
            let (states, verdicts, healths) = names;
            let (ipv4, ipv6, all) = switches;
            let mut pairs = Vec::new();
            add(&mut pairs, "pid", &pids);
            add(&mut pairs, "comm", &comms);
            add(&mut pairs, "port", &ports);
            add(&mut pairs, "remote", &remotes);
            add(&mut pairs, "local", &locals);
            add(&mut pairs, "state", states.iter().map(|state| state.name()));
            add(&mut pairs, "verdict", verdicts.iter().map(|v| v.name()));
            add(&mut pairs, "health", healths.iter().map(|h| h.name()));
            add(&mut pairs, "min-idle", &spans.0);
            add(&mut pairs, "min-quiet", &spans.1);
            add(&mut pairs, "cgroup", &cgroups);
            add(&mut pairs, "netns", &netns);
            let on = [("4", ipv4), ("6", ipv6), ("all", all)];
            for (name, _) in on.into_iter().filter(|(_, on)| *on) {
                pairs.push((name.to_owned(), "true".to_owned()));
            }
            let families = [(ipv4, Family::Ipv4), (ipv6, Family::Ipv6)];
            let families = families.into_iter().filter(|(on, _)| *on);
            let selection = Selection {
                pids,
                comms: comms.iter().map(|glob| CommGlob::new(glob)).collect(),
                ports,
                remotes,
                locals,
                states,
                verdicts,
                healths,
                min_idle: spans.0,
                min_quiet: spans.1,
                cgroups: cgroups.iter().map(|glob| WildMatch::new(glob)).collect(),
                netns,
                families: families.map(|(_, family)| family).collect(),
                all,
            };
            (pairs, selection)
        },
    )
}

fn many<T: std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    proptest::collection::vec(value, 0..3)
}

fn ranges() -> impl Strategy<Value = Cidr> {
    (any::<std::net::IpAddr>(), 0_u8..=128).prop_map(|(addr, len)| {
        let len = if addr.is_ipv4() { len % 33 } else { len };
        format!("{addr}/{len}").parse().unwrap()
    })
}

fn spans() -> impl Strategy<Value = Span> {
    any::<u64>().prop_map(|ms| Span { ms })
}

fn add<T: ToString>(
    pairs: &mut Vec<(String, String)>,
    name: &str,
    values: impl IntoIterator<Item = T>,
) {
    let values = values.into_iter();
    pairs.extend(values.map(|value| (name.to_owned(), value.to_string())));
}

/// As a browser sends it.
fn encoded(pairs: &[(String, String)]) -> String {
    let encode = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        });
        bytes.collect()
    };
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

proptest! {
    #[test]
    fn flags_and_query_read_back(
        (pairs, selection) in selections(), long in select(&[true, false][..]),
    ) {
        let expected = format!("{selection:?}");
        let flags: Vec<String> = pairs.iter().flat_map(|(name, value)| match name.as_str() {
            "4" | "6" => vec![format!("-{name}")],
            "all" => vec!["--all".to_owned()],
            // A value that begins with a dash would be taken for a flag.
            _ if long || value.starts_with('-') || value.is_empty() => {
                vec![format!("--{name}={value}")]
            }
            _ => vec![format!("--{name}"), value.clone()],
        }).collect();
        let by_flags = parse_selection(&flags).map(|selection| format!("{selection:?}"));
        prop_assert_eq!(by_flags.as_ref(), Ok(&expected), "{:?}", flags);
        let uri = format!("http://host/api/v1/sockets?{}", encoded(&pairs));
        let Query(read) = Query::<Vec<(String, String)>>::try_from_uri(&uri.parse().unwrap()).unwrap();
        prop_assert_eq!(&read, &pairs);
        let by_query = parse_query(&read).map(|selection| format!("{selection:?}"));
        prop_assert_eq!(by_query, Ok(expected), "{}", uri);
    }
}
