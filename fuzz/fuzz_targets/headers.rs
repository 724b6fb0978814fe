//! See `observer::fuzzing::headers`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::headers::check);
