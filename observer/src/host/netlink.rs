//! Netlink dumps: one request, many answers.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::nlmsg::{NLMSG_DONE, NLMSG_ERROR, messages, request_message, status};

/// `NLM_F_DUMP_INTR`: what is dumped changed meanwhile.
const DUMP_INTERRUPTED: u16 = 0x10;
/// The kernel fills at most 32 KiB at a time (`net/netlink/af_netlink.c`).
const RECEIVE_LEN: usize = 32 * 1024;
/// Number of times that a dump is begun anew when the kernel had no memory for an answer (`ENOBUFS`).
const ATTEMPTS: u32 = 3;

/// Protocol of a netlink socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `NETLINK_ROUTE`
    Route,
    /// `NETLINK_SOCK_DIAG`
    SockDiag,
}

/// A netlink socket in the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    /// Opens a socket.
    ///
    /// # Errors
    /// Errors of `socket(2)`: `EPROTONOSUPPORT` where the kernel lacks the protocol.
    pub fn open(protocol: Protocol) -> io::Result<Self> {
        let protocol = match protocol {
            // Number 0, which is also what no protocol means.
            Protocol::Route => None,
            Protocol::SockDiag => Some(rustix::net::netlink::SOCK_DIAG),
        };
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?;
        Ok(Self {
            socket,
            sequence: 0,
            buffer: vec![0; RECEIVE_LEN],
        })
    }

    /// Asks for a dump by a message of type `kind` and hands every message of type `answer` to
    /// `each`, without its header.
    /// After a lack of memory in the kernel the dump starts anew, so `each` may see an answer
    /// twice. Returns whether what is dumped changed meanwhile (answers may be missing).
    ///
    /// # Errors
    /// Errors of the kernel on the request, and of sending and receiving.
    pub fn dump(
        &mut self,
        kind: u16,
        answer: u16,
        request: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<bool> {
        let mut attempt = 1;
        loop {
            match self.dump_once(kind, answer, request, &mut each) {
                Err(error)
                    if Errno::from_io_error(&error) == Some(Errno::NOBUFS)
                        && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    fn dump_once(
        &mut self,
        kind: u16,
        answer: u16,
        request: &[u8],
        each: &mut impl FnMut(&[u8]),
    ) -> io::Result<bool> {
        self.sequence += 1;
        let message = request_message(kind, self.sequence, request);
        rustix::io::retry_on_intr(|| {
            rustix::net::send(&self.socket, &message, SendFlags::empty())
        })?;
        let mut interrupted = false;
        loop {
            let (received, full_len) = rustix::io::retry_on_intr(|| {
                rustix::net::recv(&self.socket, self.buffer.as_mut_slice(), RecvFlags::TRUNC)
            })?;
            if full_len > received {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a netlink answer was longer than 32 KiB",
                ));
            }
            for message in messages(self.buffer.get(..received).unwrap_or_default()) {
                if message.sequence != self.sequence {
                    continue;
                }
                interrupted |= message.flags & DUMP_INTERRUPTED != 0;
                match message.kind {
                    NLMSG_DONE => return status(message.payload).map(|()| interrupted),
                    NLMSG_ERROR => {
                        status(message.payload)?;
                    }
                    kind if kind == answer => each(message.payload),
                    _ => {}
                }
            }
        }
    }
}
