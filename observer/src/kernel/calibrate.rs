//! Calibration by a socket of observer's own with known settings: reading it back finds the length
//! of a jiffy and proves, before anything is shown, that this kernel is read right.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use observer_common::KeepaliveOption;
use observer_common::SocketRecord;
use observer_common::socket::flag;
use rustix::io::Errno;
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
    local: SocketAddrV4,
}

/// Where clients of a local proxy have used up the ports of one address, those of another are free.
const ADDRESSES: [Ipv4Addr; 4] = [
    Ipv4Addr::LOCALHOST,
    Ipv4Addr::new(127, 77, 3, 1),
    Ipv4Addr::new(127, 150, 91, 2),
    Ipv4Addr::new(127, 223, 200, 3),
];

/// Binds the socket to a port of its own, which proves the address fields too. Where no port is to be
/// had, it stays without address and port, and reads back so.
fn bind(socket: &OwnedFd, addresses: &[Ipv4Addr]) -> io::Result<SocketAddrV4> {
    for address in addresses {
        match rustix::net::bind(socket, &SocketAddrV4::new(*address, 0)) {
            Ok(()) => return Ok(rustix::net::getsockname(socket)?.try_into()?),
            // Used up, not there, or refused by a policy.
            Err(Errno::ADDRINUSE | Errno::ADDRNOTAVAIL | Errno::ACCESS | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0))
}

impl Calibration {
    /// Makes the socket.
    pub(super) fn new() -> io::Result<Self> {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        let local = bind(&socket, &ADDRESSES)?;
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
            local,
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
            equal("local port", self.local.port(), record.local_port),
            equal(
                "local address",
                u64::from(u32::from(*self.local.ip()).to_be()),
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
            local_port: own.local.port(),
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
    fn it_needs_a_socket_and_no_port() {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        // An address that this host has not got stands for one whose ports are used up.
        let absent = Ipv4Addr::new(192, 0, 2, 1);
        let local = bind(&socket, &[absent, Ipv4Addr::new(127, 9, 9, 9)]).unwrap();
        assert_eq!(*local.ip(), Ipv4Addr::new(127, 9, 9, 9));
        assert_ne!(local.port(), 0);
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        let local = bind(&socket, &[absent]).unwrap();
        assert_eq!(local, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
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
