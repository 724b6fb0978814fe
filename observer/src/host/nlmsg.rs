//! The framing of netlink datagrams. Pure, and never panics on what it is given.
//!
//! As in `include/uapi/linux/netlink.h`; numbers are in the host's byte order.

use std::io;

/// Length of `struct nlmsghdr`.
const HEADER_LEN: usize = 16;
/// `NLM_F_REQUEST | NLM_F_DUMP`
const DUMP_REQUEST: u16 = 0x301;
pub(crate) const NLMSG_ERROR: u16 = 2;
pub(crate) const NLMSG_DONE: u16 = 3;

/// The status of `NLMSG_DONE` and `NLMSG_ERROR`: 0 or a negative errno.
pub(crate) fn status(payload: &[u8]) -> io::Result<()> {
    match array(payload, 0).map(i32::from_ne_bytes) {
        Some(errno) if errno < 0 => Err(io::Error::from_raw_os_error(errno.saturating_neg())),
        _ => Ok(()),
    }
}

/// A request for a dump.
pub(crate) fn request_message(kind: u16, sequence: u32, request: &[u8]) -> Vec<u8> {
    let len = u32::try_from(HEADER_LEN + request.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER_LEN + request.len());
    message.extend_from_slice(&len.to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&DUMP_REQUEST.to_ne_bytes());
    message.extend_from_slice(&sequence.to_ne_bytes());
    message.extend_from_slice(&0_u32.to_ne_bytes());
    message.extend_from_slice(request);
    message
}

/// One message of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// `nlmsghdr.nlmsg_type`
    pub kind: u16,
    /// `nlmsghdr.nlmsg_flags`
    pub flags: u16,
    /// `nlmsghdr.nlmsg_seq`
    pub sequence: u32,
    /// Bytes that follow the header, without padding.
    pub payload: &'a [u8],
}

/// The messages of a datagram; ends at the first that is malformed.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let len = usize::try_from(u32::from_ne_bytes(array(datagram, 0)?)).ok()?;
        let message = Message {
            kind: u16::from_ne_bytes(array(datagram, 4)?),
            flags: u16::from_ne_bytes(array(datagram, 6)?),
            sequence: u32::from_ne_bytes(array(datagram, 8)?),
            payload: datagram.get(HEADER_LEN..len)?,
        };
        datagram = datagram.get(aligned(len)..).unwrap_or_default();
        Some(message)
    })
}

/// The attributes (`struct nlattr`) in `bytes` as type and value; ends at the first that is
/// malformed.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    const TYPE_MASK: u16 = 0x3fff;
    const ATTRIBUTE_LEN: usize = 4;
    std::iter::from_fn(move || {
        let len = usize::from(u16::from_ne_bytes(array(bytes, 0)?));
        let kind = u16::from_ne_bytes(array(bytes, 2)?) & TYPE_MASK;
        let value = bytes.get(ATTRIBUTE_LEN..len)?;
        bytes = bytes.get(aligned(len)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// `N` bytes at offset `at`, if they are there.
#[must_use]
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

const fn aligned(len: usize) -> usize {
    len.saturating_add(3) & !3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram() -> Vec<u8> {
        let mut bytes = request_message(20, 7, &[1, 2, 3, 4, 5]);
        bytes.extend_from_slice(&[0; 3]);
        bytes.extend(request_message(NLMSG_DONE, 7, &0_i32.to_ne_bytes()));
        bytes
    }

    #[test]
    fn messages_are_split_and_unpadded() {
        let bytes = datagram();
        let found: Vec<_> = messages(&bytes)
            .map(|m| (m.kind, m.sequence, m.payload))
            .collect();
        assert_eq!(
            found,
            [(20, 7, &[1, 2, 3, 4, 5][..]), (NLMSG_DONE, 7, &[0; 4][..])]
        );
    }

    #[test]
    fn truncated_datagrams_end_early() {
        let bytes = datagram();
        for len in 0..bytes.len() {
            assert!(messages(&bytes[..len]).count() < 2, "{len}");
        }
    }

    #[test]
    fn lengths_that_lie_end_the_iteration() {
        assert_eq!(attributes(&[0, 0, 1, 0, 9, 9]).count(), 0);
        assert_eq!(attributes(&[255, 255, 1, 0, 9, 9]).count(), 0);
        assert_eq!(
            attributes(&[5, 0, 1, 0x40, 9]).collect::<Vec<_>>(),
            [(1, &[9][..])]
        );
        assert_eq!(
            messages(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).count(),
            0
        );
    }

    #[test]
    fn a_negative_status_is_an_error() {
        assert!(status(&0_i32.to_ne_bytes()).is_ok());
        assert!(status(&[]).is_ok());
        let error = status(&(-2_i32).to_ne_bytes()).map_err(|e| e.raw_os_error());
        assert_eq!(error, Err(Some(2)));
        assert!(status(&i32::MIN.to_ne_bytes()).is_err());
    }
}
