//! Parts that every object needs.

use core::mem::MaybeUninit;

/// A value of zeros, written eight bytes at a time: the compiler fills what is large byte by byte.
///
/// # Safety
/// Zeros are a value of `T`, which is aligned to eight bytes.
#[allow(dead_code, reason = "only the hooks use it")]
#[inline(always)]
pub(crate) unsafe fn zeroed<T>(room: &mut MaybeUninit<T>) -> &mut T {
    let words = room.as_mut_ptr().cast::<u64>();
    for i in 0..size_of::<T>() / size_of::<u64>() {
        // SAFETY: within `T`.
        unsafe { words.add(i).write_volatile(0) };
    }
    // SAFETY: as promised.
    unsafe { room.assume_init_mut() }
}

/// The programs call GPL-only helpers.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
