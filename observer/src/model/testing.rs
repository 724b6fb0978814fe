//! A plain socket for tests to start from: established, keepalive off with system values.

use std::net::{Ipv4Addr, SocketAddr};

use smallvec::smallvec;

use crate::model::{
    Comm, Direction, Family, Idle, Keepalive, Owner, Setting, SettingFrom, Socket, State, Timer,
};

/// Socket of an established connection.
pub(crate) fn socket() -> Socket {
    let sysctl = |value| Setting {
        value: Some(value),
        from: Some(SettingFrom::Sysctl),
    };
    Socket {
        cookie: Some(4711),
        inode: Some(88123),
        netns: Some(4_026_531_840),
        family: Family::Ipv4,
        state: State::Established,
        local: SocketAddr::from((Ipv4Addr::new(10, 0, 3, 7), 51122)),
        remote: SocketAddr::from((Ipv4Addr::new(203, 0, 113, 9), 443)),
        peer_is_local: Some(false),
        owners: smallvec![Owner {
            pid: 812,
            fd: 5,
            comm: Comm::new(b"python3"),
        }],
        kernel_owned: Some(false),
        uid: Some(1000),
        cgroup: None,
        keepalive: Keepalive {
            enabled: Some(false),
            idle: sysctl(7200),
            interval: sysctl(75),
            probes: sysctl(9),
            user_timeout_ms: Some(0),
            next_probe_ms: None,
            timer_ms: None,
            unanswered: Some(0),
        },
        timer: Some(Timer::OFF),
        idle: Idle {
            sent_ms: Some(1000),
            received_ms: Some(1100),
            ack_ms: Some(1000),
            probe_ms: None,
            peer_probe_ms: None,
            segment_ms: None,
            last_data: Some(Direction::Sent),
            peer_keeps_alive: false,
        },
        bytes_sent: Some(517),
        bytes_received: Some(0),
        unacked: Some(0),
        in_flight: Some(false),
        segs_in: Some(2),
        past: None,
    }
}
