//! Fixed sockets in every state that output must cope with.

use std::sync::Arc;

use observer::model::{
    Cgroup, Comm, Direction, Family, Idle, Keepalive, KeepaliveOption, LastSet, Owner, Past,
    Process, SetOption, Setting, SettingFrom, Socket, State, Timer, TimerKind, Via,
};
use observer::policy::path::Rule;
use observer::policy::{DEFAULT_AT_RISK, Judged, JudgedRef, PathPolicy, Policy};

/// Each socket with what the policy says of it, in their order.
pub(crate) fn judged<'a>(sockets: &'a [Socket], policy: &'a Policy) -> Vec<JudgedRef<'a>> {
    sockets
        .iter()
        .map(|socket| Judged {
            socket,
            judgement: policy.judge(socket),
        })
        .collect()
}

pub(crate) fn policy() -> Policy {
    let rule = Rule {
        remote: "198.51.100.0/24".parse().unwrap(),
        ports: vec![5432],
        limit: "none".parse().unwrap(),
    };
    Policy {
        path: PathPolicy::new("aws-nlb".parse().unwrap(), vec![rule]),
        at_risk: DEFAULT_AT_RISK,
    }
}

const POD: &str = "/kubepods.slice/kubepods-pod0f3a1b2c_0000_4000_8000_123456789abc.slice/cri-containerd-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope";

pub(crate) fn all() -> Vec<Socket> {
    let mut sockets = vec![
        unprotected(),
        system_default(),
        protected(),
        values_without_switch(),
        idle_above_limit(),
        ipv6(),
        v4_mapped(),
        shared_by_fork(),
        kernel_owned(),
        orphaned(),
        hostile(),
        unknown(),
        loopback(),
        to_own_address(),
        to_a_rule_of_none(),
        listener(),
        time_wait(),
        syn_recv(),
        retransmitting(),
        probing(),
        half_closed(),
        remembered(),
        inherited(),
        remembered_in_part(),
    ];
    for (cookie, socket) in (1..).zip(&mut sockets) {
        if socket.cookie.is_some() {
            socket.cookie = Some(cookie);
            socket.inode = Some(88000 + cookie);
        }
        socket
            .local
            .set_port(51000 + u16::try_from(cookie).unwrap());
    }
    sockets
}

fn sysctl(value: u32) -> Setting {
    Setting {
        value: Some(value),
        from: Some(SettingFrom::Sysctl),
    }
}

fn own(value: u32) -> Setting {
    Setting {
        value: Some(value),
        from: Some(SettingFrom::Socket),
    }
}

fn owner(pid: u32, fd: u32, comm: &[u8]) -> Owner {
    Owner {
        pid,
        fd,
        comm: Comm::new(comm),
    }
}

pub(crate) fn quiet(ms: u64) -> Idle {
    Idle {
        sent_ms: Some(ms),
        received_ms: Some(ms + 100),
        ack_ms: Some(ms),
        probe_ms: None,
        peer_probe_ms: None,
        segment_ms: None,
        peer_keeps_alive: false,
        last_data: Some(Direction::Sent),
    }
}

pub(crate) fn off() -> Socket {
    Socket {
        cookie: Some(0),
        inode: Some(0),
        netns: Some(4_026_531_840),
        family: Family::Ipv4,
        state: State::Established,
        local: "10.0.3.7:1".parse().unwrap(),
        remote: "203.0.113.9:443".parse().unwrap(),
        peer_is_local: Some(false),
        owners: [owner(812, 5, b"python3")].into_iter().collect(),
        kernel_owned: Some(false),
        uid: Some(1000),
        cgroup: Some(Arc::new(Cgroup::parse("/system.slice/etl.service"))),
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
        idle: quiet(4200),
        bytes_sent: Some(517),
        bytes_received: Some(0),
        unacked: Some(0),
        in_flight: Some(false),
        segs_in: Some(2),
        past: None,
    }
}

/// Keepalive on, its timer running.
fn on(idle: Setting, interval: Setting, probes: Setting, quiet_ms: u64) -> Socket {
    let mut socket = off();
    let idle_ms = u64::from(idle.value.unwrap()) * 1000;
    socket.keepalive = Keepalive {
        enabled: Some(true),
        idle,
        interval,
        probes,
        next_probe_ms: Some(idle_ms - quiet_ms),
        ..socket.keepalive
    };
    socket.timer = Some(Timer {
        kind: TimerKind::Keepalive,
        expires_ms: idle_ms - quiet_ms,
        retransmits: 0,
        unanswered: 0,
    });
    socket.idle = quiet(quiet_ms);
    socket
}

fn unprotected() -> Socket {
    Socket {
        idle: quiet(400_000),
        ..off()
    }
}

fn system_default() -> Socket {
    on(sysctl(7200), sysctl(75), sysctl(9), 300_800)
}

fn protected() -> Socket {
    let mut socket = on(own(60), own(60), sysctl(9), 12_300);
    socket.owners = [owner(9131, 7, b"curl")].into_iter().collect();
    socket.bytes_received = Some(18_446_744_073_709_551_615);
    socket.idle.last_data = Some(Direction::Received);
    socket
}

fn values_without_switch() -> Socket {
    let mut socket = off();
    socket.keepalive.idle = own(60);
    socket.keepalive.interval = own(60);
    socket
}

fn idle_above_limit() -> Socket {
    let mut socket = on(own(600), own(30), own(3), 50_000);
    socket.keepalive.user_timeout_ms = Some(30_000);
    socket
}

pub(crate) fn ipv6() -> Socket {
    let mut socket = on(own(15), own(15), sysctl(9), 3000);
    socket.family = Family::Ipv6;
    socket.local = "[2001:db8::7]:1".parse().unwrap();
    socket.remote = "[2001:db8:0:1::443]:443".parse().unwrap();
    socket.cgroup = Some(Arc::new(Cgroup::parse(POD)));
    socket.netns = Some(4_026_532_201);
    socket
}

fn v4_mapped() -> Socket {
    let mut socket = off();
    socket.family = Family::Ipv6;
    socket.local = "[::ffff:10.0.3.7]:1".parse().unwrap();
    socket.remote = "[::ffff:203.0.113.9]:443".parse().unwrap();
    socket.cgroup = Some(Arc::new(Cgroup::parse("/user.slice")));
    socket
}

fn shared_by_fork() -> Socket {
    let mut socket = off();
    socket.owners = [owner(700, 3, b"gunicorn"), owner(701, 3, b"gunicorn")]
        .into_iter()
        .collect();
    socket
}

pub(crate) fn kernel_owned() -> Socket {
    let mut socket = off();
    socket.owners.clear();
    socket.kernel_owned = Some(true);
    socket.inode = None;
    socket.uid = Some(0);
    socket
}

fn orphaned() -> Socket {
    let mut socket = off();
    socket.owners.clear();
    socket.state = State::FinWait2;
    socket.cgroup = None;
    socket
}

fn hostile() -> Socket {
    let mut socket = off();
    socket.owners = [owner(666, 9, b"\x1b[2Jx\n\"\\\xff\xe2\x80\xae")]
        .into_iter()
        .collect();
    socket.cgroup = Some(Arc::new(Cgroup::parse("/a\u{202e}b\u{200b}\tc.service")));
    socket
}

pub(crate) fn unknown() -> Socket {
    let known = off();
    Socket::unknown(known.family, known.state, known.local, known.remote)
}

fn loopback() -> Socket {
    Socket {
        local: "127.0.0.1:1".parse().unwrap(),
        remote: "127.0.0.1:6379".parse().unwrap(),
        peer_is_local: Some(true),
        idle: quiet(86_400_000),
        ..off()
    }
}

fn to_own_address() -> Socket {
    Socket {
        remote: "10.0.3.7:8080".parse().unwrap(),
        peer_is_local: Some(true),
        ..off()
    }
}

fn to_a_rule_of_none() -> Socket {
    Socket {
        remote: "198.51.100.4:5432".parse().unwrap(),
        ..off()
    }
}

pub(crate) fn listener() -> Socket {
    Socket {
        state: State::Listen,
        local: "0.0.0.0:1".parse().unwrap(),
        remote: "0.0.0.0:0".parse().unwrap(),
        idle: Idle::default(),
        ..off()
    }
}

fn time_wait() -> Socket {
    Socket {
        state: State::TimeWait,
        timer: Some(Timer {
            kind: TimerKind::TimeWait,
            expires_ms: 53_120,
            retransmits: 0,
            unanswered: 0,
        }),
        kernel_owned: Some(false),
        in_flight: Some(false),
        ..unknown()
    }
}

fn syn_recv() -> Socket {
    Socket {
        state: State::SynRecv,
        timer: Some(Timer {
            kind: TimerKind::On,
            expires_ms: 980,
            retransmits: 1,
            unanswered: 0,
        }),
        in_flight: Some(false),
        ..unknown()
    }
}

fn retransmitting() -> Socket {
    let mut socket = on(own(15), own(15), own(3), 8000);
    socket.keepalive.user_timeout_ms = Some(4);
    socket.keepalive.next_probe_ms = None;
    socket.unacked = Some(3);
    socket.in_flight = Some(true);
    socket.timer = Some(Timer {
        kind: TimerKind::On,
        expires_ms: 3210,
        retransmits: 4,
        unanswered: 0,
    });
    socket
}

fn probing() -> Socket {
    let mut socket = on(own(15), own(15), own(3), 9000);
    socket.keepalive.unanswered = Some(2);
    socket.timer = Some(Timer {
        kind: TimerKind::Keepalive,
        expires_ms: 6000,
        retransmits: 0,
        unanswered: 2,
    });
    socket
}

fn half_closed() -> Socket {
    Socket {
        state: State::CloseWait,
        idle: quiet(200_000),
        ..off()
    }
}

fn remembered() -> Socket {
    let mut socket = on(own(30), sysctl(75), sysctl(9), 20_000);
    socket.past = Some(Box::new(Past {
        age_ms: Some(301_000),
        sent: Some(4),
        last_set: Some(LastSet {
            set: SetOption {
                option: KeepaliveOption::Idle,
                asked: Some(30),
                value: Some(30),
                errno: 0,
                via: Some(Via::Syscall),
            },
            process: Some(Process {
                pid: 812,
                comm: Comm::new(b"python3"),
            }),
            ago_ms: 300_990,
            inherited: false,
        }),
    }));
    socket
}

fn inherited() -> Socket {
    let mut socket = off();
    socket.past = Some(Box::new(Past {
        age_ms: Some(4300),
        sent: Some(0),
        last_set: Some(LastSet {
            set: SetOption {
                option: KeepaliveOption::Probes,
                asked: Some(1000),
                value: Some(9),
                errno: 22,
                via: Some(Via::IoUring),
            },
            process: Some(Process {
                pid: 666,
                comm: Comm::new(b"\x1b[2Jx\n\"\\\xff\xe2\x80\xae"),
            }),
            ago_ms: 86_400_000,
            inherited: true,
        }),
    }));
    socket
}

fn remembered_in_part() -> Socket {
    let mut socket = off();
    socket.past = Some(Box::new(Past {
        age_ms: None,
        sent: None,
        last_set: Some(LastSet {
            set: SetOption {
                option: KeepaliveOption::Keepalive,
                asked: None,
                value: None,
                errno: 0,
                via: None,
            },
            process: None,
            ago_ms: 999,
            inherited: false,
        }),
    }));
    socket
}
