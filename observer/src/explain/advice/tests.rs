use super::recognise::PythonLibrary;
use super::*;
use crate::model::SettingFrom;
use crate::model::testing::socket;
use crate::policy::Policy;

#[test]
fn only_what_is_in_danger_needs_a_change() {
    let policy = Policy::default();
    let mut socket = socket();
    let judged = |socket: &Socket| change(socket, &policy.judge(socket), &ExplainFacts::default());
    let suffice = |socket: &Socket| judged(socket).map(|change| change.sysctls_suffice);
    assert_eq!(suffice(&socket), Some(Some(false)));
    socket.keepalive.enabled = Some(true);
    assert_eq!(suffice(&socket), Some(Some(true)), "late");
    socket.keepalive.idle.from = Some(SettingFrom::Socket);
    assert_eq!(suffice(&socket), Some(Some(false)));
    socket.keepalive.idle.from = None;
    assert_eq!(suffice(&socket), Some(None));
    socket.keepalive.idle.value = Some(60);
    assert_eq!(judged(&socket), None);
    socket.keepalive.enabled = None;
    assert_eq!(suffice(&socket), Some(None), "unknown");
}

#[test]
fn sysctls_are_set_where_the_socket_is() {
    let policy = Policy::default();
    let socket = socket();
    let command = |own_netns, netns_pid| {
        let facts = ExplainFacts {
            own_netns,
            netns_pid,
            ..ExplainFacts::default()
        };
        let change = change(&socket, &policy.judge(&socket), &facts).unwrap();
        change.sysctl_command
    };
    let set = "sysctl -w net.ipv4.tcp_keepalive_time=60 net.ipv4.tcp_keepalive_intvl=15 net.ipv4.tcp_keepalive_probes=4";
    assert_eq!(command(Some(true), Some(812)), set);
    assert_eq!(
        command(Some(false), Some(812)),
        format!("nsenter -t 812 -n {set}")
    );
    let mounted = format!("nsenter --net=FILE {set}");
    assert_eq!(command(Some(false), None), mounted);
    assert_eq!(command(None, None), set);
}

#[test]
fn every_kind_is_told_the_value() {
    let python = |library| ProgramKind::Python(library);
    let kinds = [
        ProgramKind::Curl,
        ProgramKind::Wget,
        ProgramKind::Libpq,
        python(PythonLibrary::Requests),
        python(PythonLibrary::Urllib3),
        python(PythonLibrary::Httpx {
            takes_options: true,
        }),
        python(PythonLibrary::Httpx {
            takes_options: false,
        }),
        python(PythonLibrary::Aiohttp {
            takes_factory: true,
        }),
        python(PythonLibrary::Aiohttp {
            takes_factory: false,
        }),
        python(PythonLibrary::Other),
        ProgramKind::Go {
            version: Some((1, 23)),
        },
        ProgramKind::Go { version: None },
        ProgramKind::Java,
        ProgramKind::Node,
        ProgramKind::DotNet,
        ProgramKind::Libcurl,
        ProgramKind::Rust,
        ProgramKind::Other,
    ];
    for kind in kinds {
        let advice = advice(&kind, KeepaliveValues::for_limit(77));
        let snippet = advice.snippet;
        assert!(snippet.contains("35"), "{kind:?}: {snippet}");
        assert!(snippet.ends_with('\n'));
        assert!(advice.how.ends_with('.') && !kind.name().is_empty());
    }
}
