//! Messages captured from Linux 6.18 on x86_64, whole and cut off at every length.

use super::*;

const KEEPALIVE_V4: &[u8] = include_bytes!("fixtures/keepalive-v4.bin");
const V4_MAPPED: &[u8] = include_bytes!("fixtures/v4-mapped.bin");
const LISTEN_V6: &[u8] = include_bytes!("fixtures/listen-v6.bin");
const TIME_WAIT: &[u8] = include_bytes!("fixtures/time-wait.bin");

#[test]
fn an_established_socket_with_keepalive() {
    let socket = parse(KEEPALIVE_V4).unwrap();
    assert_eq!(socket.family, Family::Ipv4);
    assert_eq!(socket.state, State::Established);
    assert_eq!(socket.local, "127.0.0.1:34196".parse().unwrap());
    assert_eq!(socket.remote, "127.0.0.1:45001".parse().unwrap());
    assert_eq!(
        (socket.cookie, socket.inode, socket.uid),
        (90123, 255_860, 0)
    );
    assert_eq!(socket.timer.unwrap().to_string(), "keepalive (59.42/0/0)");
    assert!(socket.cgroup_id.is_some());
    let info = socket.info.unwrap();
    assert_eq!(info.in_flight(), Some(false));
    assert_eq!((info.bytes_sent, info.bytes_received), (Some(5), Some(0)));
    assert!(
        info.last_data_sent_ms
            .is_some_and(|ms| (300..1000).contains(&ms))
    );
    assert!(info.segs_in.is_some_and(|segments| segments >= 2));
}

#[test]
fn a_v4_mapped_socket_stays_ipv6() {
    let socket = parse(V4_MAPPED).unwrap();
    assert_eq!(socket.family, Family::Ipv6);
    assert_eq!(socket.remote, "[::ffff:127.0.0.1]:34196".parse().unwrap());
    assert_eq!(socket.timer, Some(Timer::OFF));
    assert_eq!(socket.info.unwrap().bytes_received, Some(5));
}

#[test]
fn a_listening_socket() {
    let socket = parse(LISTEN_V6).unwrap();
    assert_eq!((socket.state, socket.inode), (State::Listen, 255_859));
    assert_eq!(socket.local, "[::]:45001".parse().unwrap());
}

#[test]
fn a_socket_in_time_wait_has_no_info() {
    let socket = parse(TIME_WAIT).unwrap();
    assert_eq!((socket.state, socket.inode), (State::TimeWait, 0));
    assert_eq!(socket.timer.unwrap().to_string(), "timewait (59.51/0/0)");
    assert_eq!(socket.info, None);
}

#[test]
fn truncations_never_panic_and_never_invent() {
    for whole in [KEEPALIVE_V4, V4_MAPPED, LISTEN_V6, TIME_WAIT] {
        let full = parse(whole).unwrap();
        for len in 0..whole.len() {
            match parse(&whole[..len]) {
                None => assert!(len < MESSAGE_LEN, "{len}"),
                Some(cut) => assert_eq!(cut.cookie, full.cookie),
            }
        }
    }
}

#[test]
fn any_byte_may_be_wrong() {
    for whole in [KEEPALIVE_V4, TIME_WAIT] {
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.to_vec();
                bytes[at] = value;
                drop(parse(&bytes));
            }
        }
    }
}

/// Linux 7.1 shows the timer of delayed acknowledgements as 5. Every socket that had just received
/// something was dropped for it.
#[test]
fn an_unknown_timer_costs_no_socket() {
    let mut message = KEEPALIVE_V4.to_vec();
    let known = parse(&message).unwrap();
    message[2] = 5;
    let expected = DiagSocket {
        timer: None,
        ..known
    };
    assert_eq!(parse(&message), Some(expected));
}

#[test]
fn counts_go_where_netstat_shows_them() {
    let info = TcpInfo {
        retransmits: Some(3),
        probes: Some(5),
        ..TcpInfo::default()
    };
    let shown = |kind, count| timer(kind, count, 1500, Some(&info)).map(|t| t.to_string());
    assert_eq!(shown(0, 0).as_deref(), Some("off (1.50/3/5)"));
    assert_eq!(shown(1, 7).as_deref(), Some("on (1.50/7/5)"));
    assert_eq!(shown(2, 7).as_deref(), Some("keepalive (1.50/3/7)"));
    assert_eq!(shown(4, 7).as_deref(), Some("probe (1.50/3/7)"));
    assert_eq!(shown(5, 7), None);
    let overdue = timer(2, 0, u32::MAX, None).unwrap();
    assert_eq!(overdue.expires_ms, 0);
}
