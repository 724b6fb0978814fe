//! Time limits of the kernel on one socket of another process, read from a duplicate of its
//! descriptor.

use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};

use super::descriptor;
use super::nlmsg::array;

/// `TCP_RTO_MAX_MS` of Linux 6.15, which libc does not name yet.
const TCP_RTO_MAX_MS: i32 = 44;
/// As far as `tcpi_rtt`, and some room.
const INFO_LEN: usize = 104;

/// Socket options and state that bound a wait. `None` is what this kernel does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketLimits {
    /// `TCP_SYNCNT`: the effective value, the sysctl's where the socket has none of its own.
    pub syn_retries: Option<u32>,
    /// `SO_SNDTIMEO` in milliseconds, 0 for none.
    pub send_timeout_ms: Option<u64>,
    /// `SO_RCVTIMEO` in milliseconds, 0 for none.
    pub receive_timeout_ms: Option<u64>,
    /// `O_NONBLOCK`: the two timeouts have no effect, the program waits in poll, epoll or io_uring.
    pub non_blocking: Option<bool>,
    /// `TCP_RTO_MAX_MS` in milliseconds: the effective value; `None` before Linux 6.15.
    pub rto_max_ms: Option<u64>,
    /// `tcpi_rto` in milliseconds, backoff included.
    pub rto_ms: Option<u64>,
    /// `tcpi_backoff`: how often the RTO was doubled.
    pub backoff: Option<u8>,
    /// `tcpi_rtt` in microseconds.
    pub rtt_us: Option<u32>,
}

impl SocketLimits {
    /// Reads those of the socket with this cookie behind a process's descriptor.
    ///
    /// # Errors
    /// Those of [`descriptor::duplicate`].
    pub fn read(pid: u32, fd: u32, cookie: u64) -> Result<Self, Errno> {
        let process = descriptor::open_process(pid)?;
        let socket = descriptor::duplicate(process.as_fd(), fd, cookie)?;
        Ok(Self::of(&socket))
    }

    /// Reads those of a socket of our own.
    #[must_use]
    pub fn of(socket: impl AsFd) -> Self {
        let timeout = |which| {
            let timeout = sockopt::socket_timeout(&socket, which).ok()?;
            Some(timeout.map_or(0, whole_ms))
        };
        let mut info = [0; INFO_LEN];
        let len = tcp_option(&socket, libc::TCP_INFO, &mut info).unwrap_or(0);
        let info = info.get(..len).unwrap_or_default();
        let u32_at = |at| array(info, at).map(u32::from_ne_bytes);
        Self {
            syn_retries: tcp_number(&socket, libc::TCP_SYNCNT),
            send_timeout_ms: timeout(Timeout::Send),
            receive_timeout_ms: timeout(Timeout::Recv),
            non_blocking: fcntl_getfl(&socket)
                .ok()
                .map(|flags| flags.contains(OFlags::NONBLOCK)),
            rto_max_ms: tcp_number(&socket, TCP_RTO_MAX_MS).map(u64::from),
            rto_ms: u32_at(8).map(|us| u64::from(us).div_ceil(1000)),
            backoff: info.get(4).copied(),
            rtt_us: u32_at(68),
        }
    }
}

/// Rounded up: the kernel keeps these in jiffies, and a timeout is never 0.
fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

fn tcp_number(socket: impl AsFd, option: i32) -> Option<u32> {
    let mut bytes = [0; 4];
    let len = tcp_option(socket, option, &mut bytes)?;
    let value = i32::from_ne_bytes(bytes);
    (len == bytes.len()).then(|| u32::try_from(value).ok())?
}

/// Asks for an option of level TCP; how many bytes the kernel gave, `None` where it has none.
fn tcp_option(socket: impl AsFd, option: i32, value: &mut [u8]) -> Option<usize> {
    let mut len = libc::socklen_t::try_from(value.len()).ok()?;
    // SAFETY: the kernel writes at most `len` bytes, which is how long `value` is, and the
    // descriptor is open as long as it is borrowed.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            option,
            value.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    (answer == 0).then(|| usize::try_from(len).ok())?
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_was_set_is_read_back() -> Result<(), Box<dyn std::error::Error>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let before = SocketLimits::of(&stream);
        assert_eq!(before.receive_timeout_ms, Some(0));
        assert_eq!(before.non_blocking, Some(false));
        stream.set_read_timeout(Some(Duration::from_millis(2500)))?;
        stream.set_write_timeout(Some(Duration::from_secs(7)))?;
        stream.set_nonblocking(true)?;
        let cookie = sockopt::socket_cookie(&stream)?;
        let fd = u32::try_from(stream.as_raw_fd())?;
        let after = SocketLimits::read(std::process::id(), fd, cookie)?;
        // Jiffies of 4 ms at HZ=250, of 10 at HZ=100.
        assert!(matches!(after.receive_timeout_ms, Some(2500..=2510)));
        assert_eq!(after.send_timeout_ms, Some(7000));
        assert_eq!(after.non_blocking, Some(true));
        assert!(matches!(after.rto_ms, Some(200..=3000)), "{after:?}");
        assert_eq!(after.backoff, Some(0));
        assert!(after.syn_retries.is_some());
        let other = SocketLimits::read(std::process::id(), fd, cookie + 1);
        assert_eq!(other, Err(Errno::BADF));
        Ok(())
    }
}
