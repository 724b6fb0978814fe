//! See `observer::fuzzing::events`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::events::check);
