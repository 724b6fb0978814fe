//! Socket cookies: numbers that are unique until reboot.

use aya_ebpf::helpers::generated::bpf_get_socket_cookie;

use crate::sock::{Direct, Kernel, Load as _, field};

/// The socket's cookie. The kernel gives it one when first asked, if it `can_make` one for this
/// program; else it is 0 until somebody else asks.
#[inline(always)]
pub(crate) fn of(sk: Kernel, can_make: bool) -> u64 {
    let cookie = Direct::number(sk, field!(cookie));
    if cookie != 0 || !can_make {
        return cookie;
    }
    // SAFETY: the verifier accepts only a pointer to a sock.
    unsafe { bpf_get_socket_cookie(sk.cast_mut().cast()) }
}
