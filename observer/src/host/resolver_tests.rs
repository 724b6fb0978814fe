use proptest::prelude::*;

use super::*;

#[test]
fn the_file_is_read_as_glibc_reads_it() {
    let conf = ResolvConf::parse(
        b"# comment\nnameserver 10.0.0.1\n nameserver 10.0.0.9\nnameserver fe80::1%eth0\n\
          nameserver nonsense\ndomain a.example\nsearch b.example c.example\n\
          options rotate timeout:3 attempts:4 ndots:5\n",
    );
    let expected = ResolvConf {
        nameservers: 2,
        timeout_s: 3,
        attempts: 4,
        rotate: true,
        use_vc: false,
        search: Some(2),
    };
    assert_eq!(conf, expected);
    assert_eq!(ResolvConf::parse(b""), ResolvConf::default());
}

#[test]
fn values_are_capped() {
    let conf = ResolvConf::parse(
        b"nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n\
          options timeout:99999999999 attempts:77\n",
    );
    assert_eq!(
        (conf.nameservers, conf.timeout_s, conf.attempts),
        (3, 30, 5)
    );
    assert_eq!(ResolvConf::parse(b"options timeout:-1").timeout_s, 0);
}

/// Worked out from `seconds = (retrans << ns); if (ns > 0) seconds /= nscount;`.
#[test]
fn waits_are_those_of_send_dg() {
    let one_name_s = |nameservers, timeout_s, attempts| {
        let conf = ResolvConf {
            nameservers,
            timeout_s,
            attempts,
            ..ResolvConf::default()
        };
        conf.one_name_ms() / 1000
    };
    assert_eq!(one_name_s(1, 5, 2), 10);
    assert_eq!(one_name_s(2, 5, 2), 2 * (5 + 5));
    assert_eq!(one_name_s(3, 5, 2), 2 * (5 + 3 + 6));
    assert_eq!(one_name_s(3, 1, 1), 1 + 1 + 1);
    assert_eq!(one_name_s(1, 0, 1), 1);
    assert_eq!(one_name_s(3, 30, 5), 5 * (30 + 20 + 40));
}

#[test]
fn the_hosts_line_loses_its_actions() {
    let services = |text: &str| {
        hosts_services(text.as_bytes())
            .unwrap_or_default()
            .join(" ")
    };
    assert_eq!(
        services("passwd: files\nhosts: files mdns4_minimal [NOTFOUND=return] dns # x\n"),
        "files mdns4_minimal dns"
    );
    assert_eq!(
        services("hosts: resolve [ !UNAVAIL = return ] files"),
        "resolve files"
    );
    assert_eq!(hosts_services(b"passwd: files"), None);
}

#[test]
fn our_own_can_be_read() {
    assert!(Resolver::of(std::process::id()).is_some());
    assert_eq!(Resolver::of(u32::MAX), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let conf = ResolvConf::parse(&bytes);
        prop_assert!(conf.one_name_ms() <= 450_000);
        drop(hosts_services(&bytes));
    }

    #[test]
    fn lines_like_those_that_matter_are_read(
        text in "((nameserver|search|domain|options|hosts:)[ \t](timeout:|attempts:|)[0-9.:-]{0,20}\n){0,6}"
    ) {
        let conf = ResolvConf::parse(text.as_bytes());
        prop_assert!(conf.one_name_ms() <= 450_000);
        drop(hosts_services(text.as_bytes()));
    }
}
