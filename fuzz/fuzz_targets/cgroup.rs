#![no_main]
observer_fuzz::target!(observer::fuzzing::cgroup::check);
