//! See `observer::fuzzing::records`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::records::check);
