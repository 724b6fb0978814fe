//! The object of the benchmark's floors: walks that do as little as a walk can.
#![no_std]
#![no_main]
#![expect(clippy::cast_possible_truncation, reason = "a record's size is small")]

mod base;
mod floor_walk;
#[expect(dead_code, reason = "these walks write nothing")]
mod iter;
#[expect(dead_code, reason = "these walks read two fields")]
mod sock;
