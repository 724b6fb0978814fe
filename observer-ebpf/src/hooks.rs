//! Object of the hooks, which remember what a scan cannot see. One file a hook, each with the modes
//! in which it can be attached.
#![no_std]
#![no_main]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a field is loaded at the kernel's width and kept at the record's"
)]

mod accept;
mod base;
mod clock;
mod cookie;
mod copy;
mod counters;
mod event;
mod facts;
mod file;
mod listener;
mod log;
mod process;
mod setsockopt;
mod sock;
mod socket;
mod state;
mod timer;
mod tracked_socket;
