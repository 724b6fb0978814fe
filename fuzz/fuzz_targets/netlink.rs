//! See `observer::fuzzing::netlink`.

#![no_main]

observer_fuzz::target!(observer::fuzzing::netlink::check);
