//! Socket options, set and read by system call.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;

/// Answers of getsockopt: the truth that a scan is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    pub enabled: bool,
    pub idle_s: u32,
    pub interval_s: u32,
    pub probes: u32,
    pub user_timeout_ms: u32,
}

impl Truth {
    pub fn of(fd: impl AsFd) -> Self {
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap();
        Self {
            enabled: sockopt::socket_keepalive(&fd).unwrap(),
            idle_s: seconds(sockopt::tcp_keepidle(&fd).unwrap()),
            interval_s: seconds(sockopt::tcp_keepintvl(&fd).unwrap()),
            probes: sockopt::tcp_keepcnt(&fd).unwrap(),
            user_timeout_ms: sockopt::tcp_user_timeout(&fd).unwrap(),
        }
    }
}

/// Options that a test sets on a socket; `None` leaves the system's value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub enabled: Option<bool>,
    pub idle_s: Option<u32>,
    pub interval_s: Option<u32>,
    pub probes: Option<u32>,
    pub user_timeout_ms: Option<u32>,
}

impl Options {
    pub fn set(&self, fd: impl AsFd) {
        let seconds = |s: u32| Duration::from_secs(s.into());
        if let Some(on) = self.enabled {
            sockopt::set_socket_keepalive(&fd, on).unwrap();
        }
        if let Some(s) = self.idle_s {
            sockopt::set_tcp_keepidle(&fd, seconds(s)).unwrap();
        }
        if let Some(s) = self.interval_s {
            sockopt::set_tcp_keepintvl(&fd, seconds(s)).unwrap();
        }
        if let Some(count) = self.probes {
            sockopt::set_tcp_keepcnt(&fd, count).unwrap();
        }
        if let Some(ms) = self.user_timeout_ms {
            sockopt::set_tcp_user_timeout(&fd, ms).unwrap();
        }
    }
}

/// Lets a child inherit the descriptor.
pub fn inheritable(fd: impl AsFd) {
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::empty()).unwrap();
}
