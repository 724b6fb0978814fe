//! The object of the scan: walks that read every socket.
#![no_std]
#![no_main]
#![expect(
    clippy::cast_possible_truncation,
    reason = "a field is loaded at the kernel's width and kept at the record's"
)]

mod base;
mod cookie;
mod iter;
mod owner;
mod sock;
mod socket;
mod walk;
