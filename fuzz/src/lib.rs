//! Parts that every fuzz target shares: [`target`] makes a program of an entry point of
//! `observer::fuzzing`, and [`run`] holds it to a bound of memory.

mod memory;

use memory::Counting;

#[doc(hidden)]
pub use libfuzzer_sys;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Memory that any input may take: the command line's flags alone take half of it.
const ANY_INPUT: usize = 1 << 20;
/// Bytes that a byte of input may take more.
const EACH_BYTE: usize = 256;

/// Runs an entry point on an input.
///
/// # Panics
/// When it takes more memory at a time than the input's length warrants.
pub fn run(entry: fn(&[u8]), input: &[u8]) {
    let before = memory::start();
    entry(input);
    let most = memory::most_since(before);
    let bound = ANY_INPUT + EACH_BYTE * input.len();
    assert!(
        most <= bound,
        "{most} bytes of memory at a time for an input of {} bytes, which may take {bound}",
        input.len()
    );
}

/// The program of a target, which runs an entry point.
#[macro_export]
macro_rules! target {
    ($entry:path) => {
        $crate::libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::run($entry, input));
    };
}
