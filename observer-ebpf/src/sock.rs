//! Loads of kernel fields at the offsets of the running kernel.

use core::ptr;

use aya_ebpf::helpers::generated::bpf_get_socket_cookie;
use observer_common::{Field, Layout};

/// Filled in by user space before the programs are loaded.
#[unsafe(no_mangle)]
pub(crate) static LAYOUT: Layout = Layout::EMPTY;

/// The bit of `skc_flags` that `SO_KEEPALIVE` sets: `SOCK_KEEPOPEN`.
#[unsafe(no_mangle)]
static KEEPOPEN_BIT: u32 = 0;

/// A pointer to a kernel structure that the verifier knows the type of.
pub(crate) type Kernel = *const u8;

/// A field of the layout, read so that the compiler cannot assume its value; for the verifier,
/// which knows the global, it is a constant.
macro_rules! field {
    ($name:ident) => {{
        let field = &raw const crate::sock::LAYOUT.$name;
        // SAFETY: the global lives as long as the program.
        unsafe {
            observer_common::Field {
                offset: core::ptr::read_volatile(&raw const (*field).offset),
                size: core::ptr::read_volatile(&raw const (*field).size),
                bit: core::ptr::read_volatile(&raw const (*field).bit),
                bits: core::ptr::read_volatile(&raw const (*field).bits),
                padding: [0; 3],
            }
        }
    }};
}
pub(crate) use field;

/// Loads `T` at `offset`. The verifier turns the load into one that yields 0 on a bad address.
#[inline(always)]
fn load_at<T: Copy>(base: Kernel, offset: usize) -> T {
    // SAFETY: the verifier checks type and bounds of every load from a kernel structure.
    unsafe { ptr::read_volatile(base.add(offset).cast::<T>()) }
}

/// An unsigned number of the field's own size, or a bitfield; 0 where the kernel has no such field.
#[inline(always)]
pub(crate) fn number(base: Kernel, field: Field) -> u64 {
    let offset = usize::from(field.offset);
    let value = match field.size {
        1 => u64::from(load_at::<u8>(base, offset)),
        2 => u64::from(load_at::<u16>(base, offset)),
        4 => u64::from(load_at::<u32>(base, offset)),
        8 => load_at::<u64>(base, offset),
        _ => 0,
    };
    if field.bits == 0 {
        return value;
    }
    value >> (field.bit & 63) & ((1 << (field.bits & 63)) - 1)
}

/// A pointer to another structure; null where the kernel has no such field.
#[inline(always)]
pub(crate) fn pointer(base: Kernel, field: Field) -> Kernel {
    if field.size == 8 {
        load_at::<Kernel>(base, usize::from(field.offset))
    } else {
        ptr::null()
    }
}

/// Sixteen bytes of an array: an IPv6 address or a task's name.
#[inline(always)]
pub(crate) fn bytes16(base: Kernel, field: Field) -> [u64; 2] {
    if field.size == 0 {
        return [0; 2];
    }
    let offset = usize::from(field.offset);
    [load_at(base, offset), load_at(base, offset + 8)]
}

/// The socket's cookie; the kernel gives it one when first asked.
#[inline(always)]
pub(crate) fn cookie(sk: Kernel) -> u64 {
    let cookie = number(sk, field!(cookie));
    if cookie != 0 {
        return cookie;
    }
    // SAFETY: the verifier accepts only a pointer to a sock.
    unsafe { bpf_get_socket_cookie(sk.cast_mut().cast()) }
}

/// Whether `SO_KEEPALIVE` is on.
#[inline(always)]
pub(crate) fn keepalive_on(sk: Kernel) -> bool {
    // SAFETY: the global lives as long as the program.
    let bit = unsafe { ptr::read_volatile(&raw const KEEPOPEN_BIT) };
    number(sk, field!(flags)) >> (bit & 63) & 1 != 0
}
