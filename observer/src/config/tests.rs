use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;

use super::agent::{Tls, Workload};
use super::alert::{SinkEntry, SinkKind};
use super::path::RuleEntry;
use super::url::SinkUrl;
use super::*;
use crate::config::listen::Listen;
use crate::model::testing::socket;
use crate::policy::path::Limit;
use crate::policy::profile;
use crate::policy::span::Span;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("c.toml"), text).map_err(|error| error.to_string())
}

fn error(text: &str) -> String {
    parse(text).unwrap_err()
}

#[test]
fn an_empty_file_is_the_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.path_policy(), PathPolicy::default());
    assert_eq!(config.scan.interval.ms, 10_000);
}

#[test]
fn a_full_file() {
    let config = parse(
        r#"
        [path]
        default = "azure-lb"
        [[path.rule]]
        remote = "203.0.113.0/24"
        ports = [443]
        limit = "20m"
        [[path.rule]]
        remote = "10.0.0.0/8"
        limit = 900
        [scan]
        interval = "30s"
        at_risk = 0.8
        "#,
    )
    .unwrap();
    let policy = config.path_policy();
    let limit = policy.limit_for(&socket()).limit_s;
    assert_eq!(limit, Some(1200));
    assert_eq!(config.path.default.limit_s(), Some(240));
    assert_eq!(config.path.rule[1].limit.limit_s(), Some(900));
    assert_eq!(config.scan.interval.ms, 30_000);
}

#[test]
fn errors_say_where_and_what() {
    assert_eq!(
        error("[path]\n  defualt = \"aws-nlb\"\n"),
        "c.toml:2:3: unknown field `defualt`, expected `default` or `rule`"
    );
    assert_eq!(
        error("[agents]\nlisten = \"x\"\n"),
        "c.toml:1:2: unknown field `agents`, expected one of `path`, `scan`, `agent`, `alert`"
    );
    let unknown = error("[path]\ndefault = \"aws-nbl\"\n");
    assert!(
        unknown.starts_with("c.toml:2:11: no profile \"aws-nbl\": use one of aws-nlb, "),
        "{unknown}"
    );
    assert_eq!(
        error("[[path.rule]]\nremote = \"10.0.0.0/99\"\nlimit = \"none\"\n"),
        "c.toml:2:10: /99 is no prefix length: this address takes /0 to /32"
    );
    assert_eq!(
        error("[scan]\nat_risk = 50.0\n"),
        "c.toml:2:11: at_risk is a share of the path limit: above 0.0, at most 1.0"
    );
    assert_eq!(
        error("[scan]\ninterval = \"0s\"\n"),
        "c.toml:2:12: the interval must be longer than 0"
    );
    assert!(error("[path]\ndefault = true\n").starts_with("c.toml:2:11: invalid type: boolean"));
    assert!(error("[path\n").starts_with("c.toml:1:6: "));
    assert!(error("[[path.rule]]\nlimit = \"none\"\n").contains("missing field `remote`"));
}

#[test]
fn a_named_file_must_exist() {
    let error = Config::load(Some(Path::new("/nonexistent/observer.toml"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the configuration /nonexistent/observer.toml"
    );
}

#[test]
fn the_daemons_sections() {
    let config = parse(
        r#"
        [agent]
        listen = "[::]:9787"
        tls = { cert = "/etc/observer/cert.pem", key = "/etc/observer/key.pem" }
        workload = "container"
        workload_limit = 1000
        web_config = "/etc/observer/web.yml"
        [alert]
        hold = "2m"
        repeat = 90
        resolve = "30s"
        [[alert.sink]]
        kind = "alertmanager"
        url = "https://am.example/alertmanager"
        ca = "/etc/observer/ca.pem"
        [[alert.sink]]
        kind = "webhook"
        url = "http://user:secret@127.0.0.1:8080/hook?a=b"
        "#,
    )
    .unwrap();
    assert_eq!(config.agent.listen.to_string(), "[::]:9787");
    assert_eq!(config.agent.workload, Workload::Container);
    assert_eq!(config.alert.repeat.ms, 90_000);
    assert_eq!(config.alert.sink[1].kind, SinkKind::Webhook);
    assert_eq!(
        config.alert.sink[1].url.credentials().unwrap(),
        b"user:secret"
    );
    let printed = config.to_toml();
    assert!(printed.contains("http://user:***@127.0.0.1:8080/hook?a=b"));
    assert!(!printed.contains("secret"));
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn the_defaults_in_full() {
    assert_eq!(
        Config::default().to_toml(),
        "\
[path]
default = \"aws-nlb\"

[scan]
interval = \"10s\"
at_risk = 0.5

[agent]
listen = \"127.0.0.1:9787\"
allow_plaintext = false
workload = \"unit\"
workload_limit = 50

[alert]
hold = \"0s\"
repeat = \"4m\"
resolve = \"1m\"
"
    );
}

#[test]
fn an_open_listener_is_refused_where_it_is_written() {
    let open = "[scan]\ninterval = 5\n[agent]\nworkload = \"comm\"\nlisten = \"0.0.0.0:9787\"\n";
    assert_eq!(
        error(open),
        "c.toml:5:10: 0.0.0.0:9787 can be reached from other hosts, without encryption: set tls, or allow_plaintext = true, or listen on 127.0.0.1"
    );
    assert!(parse(&format!("{open}allow_plaintext = true\n")).is_ok());
    assert!(parse(&format!("{open}tls = {{ cert = \"/c\", key = \"/k\" }}\n")).is_ok());
    for closed in ["127.0.0.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:/a"] {
        let text = format!("[agent]\nlisten = \"{closed}\"\n");
        assert!(parse(&text).is_ok(), "{closed}");
    }
    assert!(error("[agent]\nlisten = \"10.0.0.1:1\"\n").starts_with("c.toml:2:10: "));
    assert!(error("agent.listen = \"10.0.0.1:1\"\n").starts_with("c.toml:1:16: "));
}

#[test]
fn errors_of_the_daemons_sections_say_where_and_what() {
    let sink = |line: &str| format!("[[alert.sink]]\nkind = \"webhook\"\n{line}\n");
    for (text, expected) in [
        (
            "[agent]\nport = 1\n".to_owned(),
            "c.toml:2:1: unknown field `port`, expected one of `listen`, `tls`, `allow_plaintext`, `workload`, `workload_limit`, `web_config`",
        ),
        (
            "[agent]\nlisten = \":9787\"\n".to_owned(),
            "c.toml:2:10: no address to listen on",
        ),
        (
            "[agent]\nworkload = \"pod\"\n".to_owned(),
            "c.toml:2:12: unknown variant `pod`, expected one of `unit`, `comm`, `container`",
        ),
        (
            "[agent]\nworkload_limit = 0\n".to_owned(),
            "c.toml:2:18: workload_limit is a whole number from 1 to 1000",
        ),
        (
            "[agent]\nworkload_limit = 1001\n".to_owned(),
            "c.toml:2:18: workload_limit is a whole number from 1 to 1000",
        ),
        (
            "[agent]\ntls = { cert = \"/c\" }\n".to_owned(),
            "c.toml:2:7: missing field `key`",
        ),
        (
            "[agent]\ntls = { cert = \"c.pem\", key = \"/k\" }\n".to_owned(),
            "c.toml:2:16: the path of the file must begin with /",
        ),
        (
            "[agent]\nweb_config = \"web.yml\"\n".to_owned(),
            "c.toml:2:14: the path of the file must begin with /",
        ),
        (
            "[alert]\nrepeat = \"0s\"\n".to_owned(),
            "c.toml:2:10: must be longer than 0",
        ),
        (
            "[alert]\nresolve = 0\n".to_owned(),
            "c.toml:2:11: must be longer than 0",
        ),
        (
            "[alert]\nhold = \"-1s\"\n".to_owned(),
            "c.toml:2:8: no duration",
        ),
        (
            sink("url = \"ftp://a/\""),
            "c.toml:3:7: alerts are sent by http or https",
        ),
        (sink("url = \"alerts\""), "c.toml:3:7: no URL"),
        (
            sink("url = \"http://a/\"\nca = \"/ca.pem\""),
            "c.toml:4:6: ca is for an https URL",
        ),
        (
            sink("url = \"http://a/\"\ntoken = \"\""),
            "c.toml:4:1: unknown field `token`, expected one of `kind`, `url`, `ca`",
        ),
        (
            "[[alert.sink]]\nkind = \"mail\"\nurl = \"http://a/\"\n".to_owned(),
            "c.toml:2:8: unknown variant `mail`, expected `alertmanager` or `webhook`",
        ),
        (
            sink("url = \"http://a/\"").repeat(17),
            "c.toml:1:1: 17 sinks: at most 16",
        ),
    ] {
        let message = error(&text);
        assert!(message.starts_with(expected), "{text}: {message}");
    }
    assert!(parse(&sink("url = \"http://a/\"").repeat(16)).is_ok());
}

fn limits() -> impl Strategy<Value = Limit> {
    prop_oneof![
        Just(Limit::None),
        (0..profile::PROFILES.len()).prop_map(|at| Limit::Profile(&profile::PROFILES[at])),
        "[1-9][0-9]{0,5}(s|m|h)?".prop_map(|text| text.parse().unwrap()),
    ]
}

fn rules() -> impl Strategy<Value = RuleEntry> {
    let remote = prop_oneof![
        (any::<u32>(), 0u8..=32).prop_map(|(bits, len)| (Ipv4Addr::from_bits(bits).into(), len)),
        (any::<u128>(), 0u8..=128).prop_map(|(bits, len)| (Ipv6Addr::from_bits(bits).into(), len)),
    ]
    .prop_map(|(addr, len): (IpAddr, u8)| format!("{addr}/{len}").parse().unwrap());
    let ports = proptest::collection::vec(1..=u16::MAX, 0..4);
    (remote, ports, limits()).prop_map(|(remote, ports, limit)| RuleEntry {
        remote,
        ports,
        limit,
    })
}

fn files() -> impl Strategy<Value = PathBuf> {
    any::<String>().prop_map(|name| PathBuf::from(format!("/{name}")))
}

fn agents() -> impl Strategy<Value = AgentSection> {
    let listen = prop_oneof![
        any::<(IpAddr, u16)>().prop_map(|address| Listen::Tcp(SocketAddr::from(address))),
        files().prop_map(Listen::Unix),
    ];
    let tls = (files(), files()).prop_map(|(cert, key)| Tls { cert, key });
    (
        listen,
        proptest::option::of(tls),
        (0..Workload::ALL.len()).prop_map(|at| Workload::ALL[at]),
        1u32..=1000,
        proptest::option::of(files()),
    )
        .prop_map(|(listen, tls, workload, workload_limit, web_config)| {
            // Whatever needs it has it.
            let allow_plaintext = tls.is_none();
            AgentSection {
                listen,
                tls,
                allow_plaintext,
                workload,
                workload_limit,
                web_config,
            }
        })
}

fn alerts() -> impl Strategy<Value = AlertSection> {
    let span = |from_ms| (from_ms..=u64::MAX).prop_map(|ms| Span { ms });
    let sink = (
        prop_oneof![Just(SinkKind::Alertmanager), Just(SinkKind::Webhook)],
        "https?://([a-z]{1,5}@)?([a-z0-9]{1,9}|\\[::1\\])(:[1-9][0-9]{0,3})?(/[a-z@:%\"\\\\]{0,9})?",
        proptest::option::of(files()),
    )
        .prop_filter_map("a URL that hyper takes", |(kind, url, ca)| {
            let url: SinkUrl = url.parse().ok()?;
            let ca = ca.filter(|_| url.is_https());
            Some(SinkEntry { kind, url, ca })
        });
    (
        span(0),
        span(1),
        span(1),
        proptest::collection::vec(sink, 0..4),
    )
        .prop_map(|(hold, repeat, resolve, sink)| AlertSection {
            hold,
            repeat,
            resolve,
            sink,
        })
}

proptest! {
    #[test]
    fn the_effective_form_reads_back_the_same(
        (default, rule) in (limits(), proptest::collection::vec(rules(), 0..4)),
        (interval_ms, at_risk) in (1..=u64::MAX, f64::MIN_POSITIVE..=1.0),
        agent in agents(),
        alert in alerts(),
    ) {
        let config = Config {
            path: PathSection { default, rule },
            scan: ScanSection { interval: Span { ms: interval_ms }, at_risk },
            agent,
            alert,
        };
        let text = config.to_toml();
        prop_assert_eq!(parse(&text), Ok(config), "{}", text);
    }
}

const REFERENCE: &str = include_str!("../../../docs/config.md");

/// `section.key` and value of everything in a file; of lists, their first entry.
fn values(text: &str) -> Vec<(String, toml::Value)> {
    fn walk(name: &str, value: toml::Value, out: &mut Vec<(String, toml::Value)>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    walk(&format!("{name}.{key}"), value, out);
                }
            }
            toml::Value::Array(list) if list.first().is_some_and(toml::Value::is_table) => {
                walk(name, list[0].clone(), out);
            }
            value => out.push((name.trim_start_matches('.').to_owned(), value)),
        }
    }
    let mut out = Vec::new();
    walk("", toml::Value::Table(text.parse().unwrap()), &mut out);
    out
}

#[test]
fn every_key_is_in_the_reference_with_its_default() {
    let example = REFERENCE.split("```toml").nth(1).unwrap();
    let example = parse(example.split("```").next().unwrap()).unwrap();
    let rows: Vec<(&str, &str)> = REFERENCE
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let key = cells.next()?.strip_suffix('`')?;
            Some((key, cells.nth(1)?.trim_matches('`')))
        })
        .filter(|(key, _)| !key.contains(' '))
        .collect();
    let mut documented: Vec<&str> = rows.iter().map(|(key, _)| *key).collect();
    documented.sort_unstable();
    let mut keys: Vec<String> = values(&example.to_toml())
        .into_iter()
        .map(|v| v.0)
        .collect();
    keys.sort();
    assert_eq!(documented, keys, "the example sets every key");
    let defaults = values(&Config::default().to_toml());
    for (key, default) in rows {
        let expected = defaults.iter().find(|(name, _)| name == key);
        let written = (default != "-").then(|| values(&format!("value = {default}")).remove(0));
        assert_eq!(
            written.map(|v| v.1).as_ref(),
            expected.map(|v| &v.1),
            "{key}"
        );
    }
}
