//! The object of the survey: walks that count calm sockets and send up only the others.
#![no_std]
#![no_main]
#![expect(
    clippy::cast_possible_truncation,
    reason = "a field is loaded at the kernel's width and kept at the record's"
)]

mod base;
mod cookie;
mod iter;
mod limit;
mod look;
mod owner;
mod sock;
mod socket;
mod survey_walk;
mod tally;
