//! See `observer::fuzzing::config`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::config::check);
