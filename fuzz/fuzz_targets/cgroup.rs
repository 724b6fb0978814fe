//! See `observer::fuzzing::cgroup`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::cgroup::check);
