//! Keepalive options set by bare system calls, and the events that must tell of them.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{role, trace};

/// An option that decides about keepalive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt {
    pub name: &'static str,
    pub level: i32,
    pub number: i32,
}

const fn tcp(name: &'static str, number: i32) -> Opt {
    Opt {
        name,
        level: libc::IPPROTO_TCP,
        number,
    }
}

pub const KEEPALIVE: Opt = Opt {
    name: "SO_KEEPALIVE",
    level: libc::SOL_SOCKET,
    number: libc::SO_KEEPALIVE,
};
pub const IDLE: Opt = tcp("TCP_KEEPIDLE", libc::TCP_KEEPIDLE);
pub const INTERVAL: Opt = tcp("TCP_KEEPINTVL", libc::TCP_KEEPINTVL);
pub const PROBES: Opt = tcp("TCP_KEEPCNT", libc::TCP_KEEPCNT);
pub const USER_TIMEOUT: Opt = tcp("TCP_USER_TIMEOUT", libc::TCP_USER_TIMEOUT);

pub const ALL: [Opt; 5] = [KEEPALIVE, IDLE, INTERVAL, PROBES, USER_TIMEOUT];

/// Value that is passed to setsockopt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Int(i32),
    /// Of two bytes.
    Short(i16),
    /// Of eight bytes, of which the kernel reads four.
    Long(i32),
    /// At an address that cannot be read.
    BadPointer,
}

/// A call, and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub pid: u32,
    pub comm: String,
    /// Network namespace.
    pub netns: u64,
    /// `None` where nobody asked for it, and the kernel has made none.
    pub cookie: Option<u64>,
    pub option: String,
    pub asked: Option<i32>,
    pub value: Option<u64>,
    pub errno: i32,
    /// Both ends, of a connection.
    pub ends: Option<(SocketAddr, SocketAddr)>,
}

/// Calls setsockopt and returns its errno.
pub fn set_raw(fd: RawFd, option: Opt, asked: Asked) -> i32 {
    let call = |at: *const libc::c_void, len: usize| {
        // SAFETY: `at` is readable for `len` bytes, or is what EFAULT is for.
        let set = unsafe {
            libc::setsockopt(
                fd,
                option.level,
                option.number,
                at,
                u32::try_from(len).unwrap(),
            )
        };
        if set == 0 {
            0
        } else {
            std::io::Error::last_os_error().raw_os_error().unwrap()
        }
    };
    match asked {
        Asked::Int(value) => call((&raw const value).cast(), 4),
        Asked::Short(value) => call((&raw const value).cast(), 2),
        Asked::Long(value) => {
            let long = i64::from(value) & 0xffff_ffff;
            call((&raw const long).cast(), 8)
        }
        Asked::BadPointer => call(std::ptr::without_provenance(8), 4),
    }
}

/// Answer of getsockopt.
pub fn held(fd: RawFd, option: Opt) -> Option<u64> {
    let (mut value, mut len) = (0_i32, 4_u32);
    // SAFETY: the kernel writes four bytes at most.
    let got = unsafe {
        libc::getsockopt(
            fd,
            option.level,
            option.number,
            (&raw mut value).cast(),
            &raw mut len,
        )
    };
    (got == 0).then(|| u64::try_from(value).unwrap())
}

/// The kernel makes it when it is first asked for.
pub fn cookie(fd: impl AsFd) -> u64 {
    rustix::net::sockopt::socket_cookie(fd).unwrap()
}

fn ends(fd: BorrowedFd<'_>) -> Option<(SocketAddr, SocketAddr)> {
    let remote = rustix::net::getpeername(fd).ok()??;
    let local = rustix::net::getsockname(fd).ok()?;
    Some((local.try_into().ok()?, remote.try_into().ok()?))
}

/// The number of the calling thread's network namespace.
pub fn own_netns() -> u64 {
    let link = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let text = link.to_string_lossy().into_owned();
    let digits = text.trim_matches(|c: char| !c.is_ascii_digit());
    digits.parse().unwrap()
}

/// Result of a call on `fd` that ended with `errno`.
pub fn made(fd: impl AsFd, option: Opt, asked: Asked, errno: i32, cookie: Option<u64>) -> Made {
    let fd = fd.as_fd();
    Made {
        pid: std::process::id(),
        comm: role::comm(),
        netns: own_netns(),
        cookie,
        option: option.name.to_owned(),
        asked: match asked {
            Asked::Int(value) | Asked::Long(value) => Some(value),
            Asked::Short(_) | Asked::BadPointer => None,
        },
        value: held(fd.as_raw_fd(), option),
        errno,
        ends: ends(fd),
    }
}

/// Sets an option of a socket that has a cookie.
pub fn set(fd: impl AsFd, option: Opt, asked: Asked) -> Made {
    let fd = fd.as_fd();
    let cookie = cookie(fd);
    let errno = set_raw(fd.as_raw_fd(), option, asked);
    made(fd, option, asked, errno, Some(cookie))
}

/// Result that an event tells.
pub fn told(event: &Value) -> Made {
    let int = |field: &str| event[field].as_i64().map(|n| i32::try_from(n).unwrap());
    Made {
        pid: u32::try_from(trace::number(event, "pid")).unwrap(),
        comm: event["comm"].as_str().unwrap().to_owned(),
        netns: trace::number(event, "netns"),
        cookie: event["cookie"].as_u64(),
        option: event["option"].as_str().unwrap().to_owned(),
        asked: int("asked"),
        value: event["value"].as_u64(),
        errno: int("errno").unwrap_or(-1),
        ends: trace::address(event, "local").zip(trace::address(event, "remote")),
    }
}

/// The events of kind `set` of these processes.
pub fn of_processes(events: &[Value], pids: &[u32]) -> Vec<Value> {
    let of = |event: &&Value| {
        event["kind"] == "set"
            && event["pid"]
                .as_u64()
                .is_some_and(|pid| pids.iter().any(|own| u64::from(*own) == pid))
    };
    events.iter().filter(of).cloned().collect()
}

/// Asserts that `events` tell what was made, each once, in the order made, by system call.
pub fn assert_told(what: &str, events: &[Value], made: &[Made]) {
    for (i, (event, made)) in events.iter().zip(made).enumerate() {
        let mut told = told(event);
        if made.ends.is_none() {
            told.ends = None;
        }
        assert_eq!(&told, made, "{what}: event {i} is {event}");
        assert_eq!(event["via"], "syscall", "{what}: {event}");
        if let Some((local, _)) = made.ends {
            let family = if local.is_ipv4() { "ipv4" } else { "ipv6" };
            assert_eq!(event["family"], family, "{what}: {event}");
        }
    }
    assert_eq!(events.len(), made.len(), "{what}: events and calls");
    let mut times: Vec<_> = events.iter().map(trace::at).collect();
    times.dedup();
    assert!(times.is_sorted(), "{what}: out of order");
}
