//! Request to netlink's sock_diag for TCP sockets. `include/uapi/linux/inet_diag.h`.

use crate::model::Family;
use crate::model::StateSet;

/// `SOCK_DIAG_BY_FAMILY`, the type of requests and answers.
pub const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `AF_INET` as `idiag_family` has it.
pub const AF_INET: u8 = 2;
/// `AF_INET6`.
pub const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
/// Length of `struct inet_diag_req_v2`, most of which stays 0: any address, any port.
const REQUEST_LEN: usize = 56;

/// `struct inet_diag_req_v2` for sockets in one of `states`. `extensions` has a bit
/// `1 << (attribute - 1)` for each attribute wanted.
#[must_use]
pub fn request(family: Family, states: StateSet, extensions: u8) -> [u8; REQUEST_LEN] {
    let family = match family {
        Family::Ipv4 => AF_INET,
        Family::Ipv6 => AF_INET6,
    };
    let mut request = [0; REQUEST_LEN];
    let head = [family, IPPROTO_TCP, extensions, 0];
    let fields = head.into_iter().chain(states.0.to_ne_bytes());
    for (to, from) in request.iter_mut().zip(fields) {
        *to = from;
    }
    request
}
