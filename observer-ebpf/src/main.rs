//! observer's kernel side: one file a hook. `cargo xtask ebpf` builds it.
#![no_std]
#![no_main]
#![expect(
    clippy::cast_possible_truncation,
    reason = "a field is loaded at the kernel's width and kept at the record's"
)]

mod owner;
mod scan;
mod sock;

/// The programs call GPL-only helpers.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
