//! See `observer::fuzzing::proc`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::proc::check);
