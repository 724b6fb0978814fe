use super::lookup::lookup;
use super::*;
use crate::host::resolver::ResolvConf;
use crate::host::{Program, Resolver, RetrySysctls, SocketLimits};
use crate::model::testing::socket;
use crate::policy::Policy;

/// A blocking socket without options on a kernel with linear timeouts.
pub(in crate::explain) fn facts() -> ExplainFacts {
    ExplainFacts {
        pid: Some(812),
        limits: Some(SocketLimits {
            syn_retries: Some(6),
            send_timeout_ms: Some(0),
            receive_timeout_ms: Some(0),
            non_blocking: Some(false),
            rto_max_ms: None,
            rto_ms: Some(201),
            backoff: Some(0),
            rtt_us: Some(800),
        }),
        sysctls: Some(RetrySysctls {
            syn_retries: 6,
            syn_linear_timeouts: Some(4),
            retries2: 15,
            rto_max_ms: None,
        }),
        resolver: Some(Resolver {
            conf: ResolvConf::default(),
            services: None,
        }),
        program: Some(Program {
            exe: b"/usr/bin/app".to_vec(),
            mapped: vec![b"/usr/lib/x86_64-linux-gnu/libc.so.6".to_vec()],
            ..Program::default()
        }),
        own_netns: Some(true),
        netns_pid: Some(812),
        accepted: Some(false),
    }
}

fn limits(socket: &Socket, facts: &ExplainFacts) -> Vec<LayerLimit> {
    let policy = Policy::default();
    let layers = layers(socket, &policy.judge(socket), facts);
    layers.iter().map(|layer| layer.limit).collect()
}

#[test]
fn a_plain_client_waits_for_ever() {
    use LayerLimit::{Ms, Unlimited};
    let expected = [
        Ms(10_000),
        Ms(131_000),
        Ms(201 * 1023 + 720_000),
        Unlimited,
        Unlimited,
        Ms(350_000),
        Unlimited,
    ];
    assert_eq!(limits(&socket(), &facts()), expected);
}

#[test]
fn the_total_is_the_sum_where_every_wait_ends() {
    let mut facts = facts();
    facts.limits.as_mut().unwrap().receive_timeout_ms = Some(5000);
    let mut socket = socket();
    socket.keepalive.user_timeout_ms = Some(30_000);
    let limits = limits(&socket, &facts);
    let sum = 10_000 + 30_000 + 30_201 + 5000;
    assert_eq!(limits.last(), Some(&LayerLimit::Ms(sum)));
}

#[test]
fn nothing_known_is_no_limit_of_zero() {
    let mut socket = socket();
    socket.keepalive = crate::model::Keepalive::default();
    let unknown = [LayerLimit::Unknown; 5];
    let found = limits(&socket, &ExplainFacts::default());
    assert_eq!(found[..5], unknown);
    assert_eq!(found[5..], [LayerLimit::Ms(350_000), LayerLimit::Unknown]);
}

#[test]
fn who_accepted_has_looked_nothing_up() {
    let mut facts = facts();
    facts.accepted = Some(true);
    assert_eq!(
        limits(&socket(), &facts)[..2],
        [LayerLimit::NotApplicable; 2]
    );
}

#[test]
fn resolvers_differ() {
    let lookup_limit = |change: fn(&mut ExplainFacts)| {
        let mut facts = facts();
        facts.resolver.as_mut().unwrap().conf.search = Some(2);
        change(&mut facts);
        lookup(&facts).limit
    };
    assert_eq!(lookup_limit(|_| {}), LayerLimit::Ms(20_000));
    // Five seconds, twice, for each of three names.
    let go =
        |facts: &mut ExplainFacts| facts.program.as_mut().unwrap().built.go = Some("go1.22".into());
    assert_eq!(lookup_limit(go), LayerLimit::Ms(30_000));
    let musl = |facts: &mut ExplainFacts| {
        facts.program.as_mut().unwrap().mapped = vec![b"/lib/ld-musl-x86_64.so.1".to_vec()];
    };
    assert_eq!(lookup_limit(musl), LayerLimit::Ms(15_000));
    let resolved = |facts: &mut ExplainFacts| {
        facts.resolver.as_mut().unwrap().services = Some(vec!["resolve".into(), "files".into()]);
    };
    assert_eq!(lookup_limit(resolved), LayerLimit::Unknown);
    let by_tcp = |facts: &mut ExplainFacts| facts.resolver.as_mut().unwrap().conf.use_vc = true;
    assert_eq!(lookup_limit(by_tcp), LayerLimit::Unknown);
    let hidden = |facts: &mut ExplainFacts| facts.program = None;
    assert_eq!(lookup_limit(hidden), LayerLimit::Unknown);
}

#[test]
fn a_backed_off_rto_is_brought_back() {
    let mut facts = facts();
    let limits = facts.limits.as_mut().unwrap();
    (limits.rto_ms, limits.backoff) = (Some(201 << 3), Some(3));
    assert_eq!(facts.rto_ms(), Some(201));
    // Cut by the longest RTO.
    let limits = facts.limits.as_mut().unwrap();
    (limits.rto_ms, limits.backoff) = (Some(120_000), Some(12));
    assert_eq!(facts.rto_ms(), Some(200));
}
