//! See `observer::fuzzing::web_config`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::web_config::check);
