//! See `observer::fuzzing::texts`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::texts::check);
