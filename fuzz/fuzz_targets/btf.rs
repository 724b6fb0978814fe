//! See `observer::fuzzing::btf`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::btf::check);
