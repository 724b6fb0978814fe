//! A socket copied at once: where the verifier does not know a pointer, each load costs a call.

use core::ptr;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use observer_common::hook::TCP_BYTES_MAX;

use crate::facts::fact;
use crate::log;
use crate::sock::{Kernel, Load, Probed};

#[repr(C, align(8))]
struct Room([u8; TCP_BYTES_MAX as usize]);

/// For programs on system calls, of which one at a time runs on a processor.
#[map]
static ROOM: PerCpuArray<Room> = PerCpuArray::with_max_entries(1, 0);

/// Copies the `struct tcp_sock`, to be read as [`Copied`]; null where that cannot be done.
#[inline(always)]
pub(crate) fn of(tcp: Kernel) -> Kernel {
    let Some(room) = ROOM.get_ptr_mut(0) else {
        return ptr::null();
    };
    let bytes = fact!(tcp_bytes);
    // SAFETY: the verifier, which knows the size, sees that it fits.
    let failed = unsafe { bpf_probe_read_kernel(room.cast(), bytes, tcp.cast()) };
    if failed == 0 {
        room.cast::<u8>().cast_const()
    } else {
        log::unreadable(bytes);
        ptr::null()
    }
}

/// For the copy of a socket.
pub(crate) struct Copied;

impl Load for Copied {
    type Pointee = Probed;

    #[inline(always)]
    fn load<T: Copy + Default>(base: Kernel, offset: usize) -> T {
        // SAFETY: the verifier checks bounds.
        unsafe { ptr::read_volatile(base.add(offset).cast::<T>()) }
    }

    #[inline(always)]
    fn tcp(sk: Kernel) -> Kernel {
        sk
    }
}
