//! The object of the in-kernel summary: walks that count healthy sockets and write records of the
//! others only.
#![no_std]
#![no_main]
#![expect(
    clippy::cast_possible_truncation,
    reason = "a field is loaded at the kernel's width and kept at the record's"
)]

mod assess;
mod base;
mod cookie;
mod iter;
mod limit;
mod owner;
mod sock;
mod socket;
mod summary_walk;
mod tally;
