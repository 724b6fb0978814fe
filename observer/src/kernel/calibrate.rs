//! Calibration by a socket of observer's own with known settings: reading it back finds the length
//! of a jiffy and proves, before anything is shown, that this kernel is read right.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use observer_common::KeepaliveOption;
use observer_common::SocketRecord;
use observer_common::socket::flag;
use rustix::net::{AddressFamily, SocketType, sockopt};

use super::decode::{Units, owner};
use super::error::KernelError;

const IDLE_S: u32 = 1000;
const INTERVAL_S: u32 = 77;
const PROBES: u8 = 5;
const USER_TIMEOUT_MS: u32 = 12_345;
/// `CONFIG_HZ` of any kernel lies between.
const HZ_RANGE: std::ops::RangeInclusive<u32> = 12..=10_000;

/// The socket: open, never connected.
#[derive(Debug)]
pub(super) struct Calibration {
    socket: OwnedFd,
    pub(super) cookie: u64,
    port: u16,
}

impl Calibration {
    /// Makes the socket.
    pub(super) fn new() -> io::Result<Self> {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        // A port of our own proves the address fields too.
        rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        let name: SocketAddrV4 = rustix::net::getsockname(&socket)?.try_into()?;
        // Hooks know the socket by it.
        let cookie = sockopt::socket_cookie(&socket)?;
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_keepidle(&socket, Duration::from_secs(IDLE_S.into()))?;
        sockopt::set_tcp_keepintvl(&socket, Duration::from_secs(INTERVAL_S.into()))?;
        sockopt::set_tcp_keepcnt(&socket, PROBES.into())?;
        sockopt::set_tcp_user_timeout(&socket, USER_TIMEOUT_MS)?;
        Ok(Self {
            socket,
            cookie,
            port: name.port(),
        })
    }

    /// Value that an option was set to, by the option's number in a record.
    pub(super) fn asked(option: u8) -> Option<u32> {
        KeepaliveOption::from_number(option).map(|option| match option {
            KeepaliveOption::Keepalive => 1,
            KeepaliveOption::Idle => IDLE_S,
            KeepaliveOption::Interval => INTERVAL_S,
            KeepaliveOption::Probes => PROBES.into(),
            KeepaliveOption::UserTimeout => USER_TIMEOUT_MS,
        })
    }

    /// Compares a record that the scan read with the socket's settings.
    pub(super) fn check(&self, record: &SocketRecord, units: Units) -> Result<Units, KernelError> {
        let units = self.check_settings(record, units)?;
        let found = owner(record);
        let fd = u32::try_from(self.socket.as_raw_fd()).unwrap_or(u32::MAX);
        compare([
            equal(
                "owner's pid",
                Some(std::process::id()),
                found.map(|o| o.pid),
            ),
            equal("owner's fd", Some(fd), found.map(|o| o.fd)),
        ])?;
        Ok(units)
    }

    /// Compares all but the owner, which hooks do not see. Returns the units that follow.
    pub(super) fn check_settings(
        &self,
        record: &SocketRecord,
        units: Units,
    ) -> Result<Units, KernelError> {
        let hz = record.keepalive_time / IDLE_S;
        compare([
            (
                "TCP_KEEPIDLE of a plausible number of jiffies",
                HZ_RANGE.contains(&hz) && record.keepalive_time.is_multiple_of(IDLE_S),
                IDLE_S.to_string(),
                record.keepalive_time.to_string(),
            ),
            equal("TCP_KEEPINTVL", INTERVAL_S * hz, record.keepalive_intvl),
            equal("TCP_KEEPCNT", PROBES, record.keepalive_probes),
            equal("TCP_USER_TIMEOUT", USER_TIMEOUT_MS, record.user_timeout_ms),
            equal("SO_KEEPALIVE", true, record.flags & flag::KEEPALIVE != 0),
            equal("local port", self.port, record.local_port),
            equal(
                "local address",
                u64::from(u32::from(Ipv4Addr::LOCALHOST).to_be()),
                record.local[0],
            ),
            equal("bytes sent", 0, record.bytes_sent),
            equal("segments in flight", 0, record.packets_out),
        ])?;
        Ok(Units {
            hz,
            ordinary_allocation: record.allocation,
            ..units
        })
    }
}

type Comparison = (&'static str, bool, String, String);

fn compare<const N: usize>(comparisons: [Comparison; N]) -> Result<(), KernelError> {
    let differs = comparisons.into_iter().find(|(_, same, ..)| !same);
    let Some((field, _, expected, found)) = differs else {
        return Ok(());
    };
    Err(KernelError::SelfCheck {
        field,
        expected,
        found,
    })
}

fn equal<T: PartialEq + std::fmt::Debug>(field: &'static str, expected: T, found: T) -> Comparison {
    (
        field,
        expected == found,
        format!("{expected:?}"),
        format!("{found:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name of a field in the error, and the change that makes it wrong.
    type Change = (&'static str, fn(&mut SocketRecord));

    /// Record that the scan writes for this socket on a kernel of 250 Hz.
    fn record(own: &Calibration) -> SocketRecord {
        SocketRecord {
            flags: flag::KEEPALIVE | flag::OWNER,
            keepalive_time: IDLE_S * 250,
            keepalive_intvl: INTERVAL_S * 250,
            keepalive_probes: PROBES,
            user_timeout_ms: USER_TIMEOUT_MS,
            local: [u64::from(u32::from(Ipv4Addr::LOCALHOST).to_be()), 0],
            local_port: own.port,
            pid: std::process::id(),
            fd: u32::try_from(own.socket.as_raw_fd()).unwrap(),
            allocation: 0xcc0,
            ..SocketRecord::default()
        }
    }

    #[test]
    fn the_units_follow_from_a_record_that_is_right() {
        let own = Calibration::new().unwrap();
        let units = own.check(&record(&own), Units::default()).unwrap();
        assert_eq!((units.hz, units.ordinary_allocation), (250, 0xcc0));
    }

    #[test]
    fn any_field_that_is_read_wrong_is_named() {
        let own = Calibration::new().unwrap();
        let changes: [Change; 7] = [
            ("TCP_KEEPIDLE", |r| r.keepalive_time += 1),
            ("TCP_KEEPIDLE", |r| r.keepalive_time = 0),
            ("TCP_KEEPINTVL", |r| r.keepalive_intvl = 0),
            ("TCP_KEEPCNT", |r| r.keepalive_probes = 9),
            ("SO_KEEPALIVE", |r| r.flags = flag::OWNER),
            ("local port", |r| r.local_port = 0),
            ("owner's pid", |r| r.pid = 1),
        ];
        for (field, change) in changes {
            let mut wrong = record(&own);
            change(&mut wrong);
            let error = own.check(&wrong, Units::default()).unwrap_err();
            assert!(error.to_string().contains(field), "{field}: {error}");
        }
    }
}
