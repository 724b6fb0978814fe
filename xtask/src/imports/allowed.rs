//! Known imports that break a rule: file or folder, what it imports (a file, a folder or a crate),
//! reason.

pub(super) const ALLOWED: &[(&str, &str, &str)] = &[
    (
        "observer-ebpf/src/log.rs",
        "observer-ebpf/src/event.rs",
        "the clock is to be in base.rs",
    ),
    (
        "observer-ebpf/src/log.rs",
        "observer-ebpf/src/tracked_socket.rs",
        "the counters are to have a file of their own",
    ),
    (
        "observer/src/fuzzing/btf.rs",
        "aya",
        "compares with aya's parser, in no part of the program",
    ),
    (
        "observer/src/model/event.rs",
        "observer/src/model/socket.rs",
        "an event carries its socket, and a socket's past names processes",
    ),
    (
        "observer/src/model/idle.rs",
        "observer/src/model/socket.rs",
        "the state of a socket is to have a file of its own",
    ),
];
