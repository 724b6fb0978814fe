//! Keepalive options, and the ways to set one.

crate::numbered! {
    /// Socket option that decides about keepalive.
    KeepaliveOption {
        /// `SO_KEEPALIVE`, 0 or 1.
        Keepalive = 1, "SO_KEEPALIVE";
        /// `TCP_KEEPIDLE`, seconds.
        Idle = 2, "TCP_KEEPIDLE";
        /// `TCP_KEEPINTVL`, seconds.
        Interval = 3, "TCP_KEEPINTVL";
        /// `TCP_KEEPCNT`.
        Probes = 4, "TCP_KEEPCNT";
        /// `TCP_USER_TIMEOUT`, milliseconds.
        UserTimeout = 5, "TCP_USER_TIMEOUT";
    }

    /// Means by which an option was set. Records hold 0 where it is not known.
    Via {
        /// setsockopt(2).
        Syscall = 1, "syscall";
        /// io_uring.
        IoUring = 2, "io_uring";
        /// The kernel itself: a file system, a driver, MPTCP, another BPF program.
        Kernel = 3, "kernel";
    }
}

impl Via {
    /// Number in a record.
    #[must_use]
    pub const fn number(via: Option<Self>) -> u8 {
        match via {
            Some(via) => via as u8,
            None => 0,
        }
    }
}
