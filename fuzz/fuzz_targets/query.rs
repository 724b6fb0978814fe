//! See `observer::fuzzing::query`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::query::check);
