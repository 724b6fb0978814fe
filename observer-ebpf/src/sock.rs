//! Loads of kernel fields at the offsets of the running kernel.

use core::ptr;

use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated as helpers;
use observer_common::{Field, Layout};

/// Filled in by user space before the programs are loaded.
#[unsafe(no_mangle)]
pub(crate) static LAYOUT: Layout = Layout::EMPTY;

/// Bit of `skc_flags` that `SO_KEEPALIVE` sets: `SOCK_KEEPOPEN`.
#[unsafe(no_mangle)]
static KEEPOPEN_BIT: u32 = 0;

pub(crate) const AF_INET: u64 = 2;
pub(crate) const AF_INET6: u64 = 10;
#[allow(dead_code, reason = "only hooks come upon other protocols")]
pub(crate) const IPPROTO_TCP: u64 = 6;

/// States of `include/net/tcp_states.h`.
#[allow(dead_code, reason = "each object needs some")]
pub(crate) mod state {
    pub(crate) const ESTABLISHED: u64 = 1;
    pub(crate) const SYN_SENT: u64 = 2;
    pub(crate) const SYN_RECV: u64 = 3;
    pub(crate) const FIN_WAIT1: u64 = 4;
    pub(crate) const FIN_WAIT2: u64 = 5;
    pub(crate) const TIME_WAIT: u64 = 6;
    pub(crate) const CLOSE: u64 = 7;
    pub(crate) const CLOSE_WAIT: u64 = 8;
    pub(crate) const LAST_ACK: u64 = 9;
    pub(crate) const LISTEN: u64 = 10;
    pub(crate) const CLOSING: u64 = 11;
    pub(crate) const NEW_SYN_RECV: u64 = 12;
}

/// A pointer to a kernel structure.
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

/// A way to read kernel memory.
pub(crate) trait Load {
    /// Way to read the structure that a loaded pointer points to.
    type Pointee: Load;

    /// Loads `T` at `offset`; 0 where the address is bad.
    fn load<T: Copy + Default>(base: Kernel, offset: usize) -> T;

    /// An unsigned number of the field's own size, or a bitfield; 0 where the kernel has no such
    /// field.
    #[inline(always)]
    fn number(base: Kernel, field: Field) -> u64 {
        let value = Self::unit(base, field);
        if field.bits == 0 {
            return value;
        }
        value >> (field.bit & 63) & ((1 << (field.bits & 63)) - 1)
    }

    /// The loaded unit that holds the field.
    #[inline(always)]
    fn unit(base: Kernel, field: Field) -> u64 {
        let offset = usize::from(field.offset);
        match field.size {
            1 => u64::from(Self::load::<u8>(base, offset)),
            2 => u64::from(Self::load::<u16>(base, offset)),
            4 => u64::from(Self::load::<u32>(base, offset)),
            8 => Self::load::<u64>(base, offset),
            _ => 0,
        }
    }

    /// A pointer to another structure; null where the kernel has no such field.
    #[inline(always)]
    fn pointer(base: Kernel, field: Field) -> Kernel {
        if field.size == 8 {
            Self::load::<Pointer>(base, usize::from(field.offset)).0
        } else {
            ptr::null()
        }
    }

    /// Sixteen bytes of an array: an IPv6 address or a task's name.
    #[inline(always)]
    fn bytes16(base: Kernel, field: Field) -> [u64; 2] {
        if field.size == 0 {
            return [0; 2];
        }
        let offset = usize::from(field.offset);
        [Self::load(base, offset), Self::load(base, offset + 8)]
    }

    /// The `struct tcp_sock` that `sk` is the head of, so that all of its fields can be loaded;
    /// null where it is none.
    fn tcp(sk: Kernel) -> Kernel;

    /// `true` if `SO_KEEPALIVE` is on.
    #[inline(always)]
    fn keepalive_on(sk: Kernel) -> bool {
        // SAFETY: the global lives as long as the program.
        let bit = unsafe { ptr::read_volatile(&raw const KEEPOPEN_BIT) };
        Self::number(sk, field!(flags)) >> (bit & 63) & 1 != 0
    }
}

/// A pointer with a default, which is null.
#[repr(transparent)]
#[derive(Clone, Copy)]
struct Pointer(Kernel);

impl Default for Pointer {
    #[inline(always)]
    fn default() -> Self {
        Self(ptr::null())
    }
}

/// Loads through a pointer whose type the verifier knows: it turns the load into one that yields 0 on a bad
/// address.
pub(crate) struct Direct;

impl Load for Direct {
    type Pointee = Self;

    #[inline(always)]
    fn tcp(sk: Kernel) -> Kernel {
        // SAFETY: the verifier accepts only a pointer to a sock.
        unsafe { helpers::bpf_skc_to_tcp_sock(sk.cast_mut().cast()) }
            .cast::<u8>()
            .cast_const()
    }

    #[inline(always)]
    fn load<T: Copy + Default>(base: Kernel, offset: usize) -> T {
        // SAFETY: the verifier checks type and bounds of every load from a kernel structure.
        unsafe { ptr::read_volatile(base.add(offset).cast::<T>()) }
    }
}

/// Loads through any other pointer: slower, and allowed everywhere.
#[allow(dead_code, reason = "the scan needs none")]
pub(crate) struct Probed;

impl Load for Probed {
    type Pointee = Self;

    #[inline(always)]
    fn tcp(sk: Kernel) -> Kernel {
        let family = Self::number(sk, field!(family));
        let is_inet = family == AF_INET || family == AF_INET6;
        if is_inet && Self::number(sk, field!(protocol)) == IPPROTO_TCP {
            sk
        } else {
            ptr::null()
        }
    }

    #[inline(always)]
    fn load<T: Copy + Default>(base: Kernel, offset: usize) -> T {
        // SAFETY: a bad address makes the helper fail.
        unsafe { bpf_probe_read_kernel(base.wrapping_add(offset).cast::<T>()) }.unwrap_or_default()
    }

    #[inline(always)]
    fn bytes16(base: Kernel, field: Field) -> [u64; 2] {
        if field.size == 0 {
            return [0; 2];
        }
        Self::load(base, usize::from(field.offset))
    }

    /// One call whatever the size: on a little-endian machine a number's first bytes are its low
    /// ones.
    #[inline(always)]
    fn unit(base: Kernel, field: Field) -> u64 {
        let mut value = 0_u64;
        let from = base.wrapping_add(usize::from(field.offset));
        // SAFETY: the verifier, which knows the size, sees that it fits.
        let failed = unsafe {
            helpers::bpf_probe_read_kernel(
                (&raw mut value).cast(),
                u32::from(field.size),
                from.cast(),
            )
        };
        // Where the helper fails it has written zeros.
        let _zero = failed;
        value
    }
}
