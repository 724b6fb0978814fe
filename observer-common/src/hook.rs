//! What user space hands to the hooks before and while they run.

crate::numbered! {
    /// Way in which a hook is attached.
    AttachMode {
        /// fentry and fexit: no cost for anything else.
        Trampoline = 1, "trampoline";
        /// Tracepoints.
        Tracepoint = 2, "tracepoint";
    }
}

/// Facts on the running kernel and on observer's place in it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HookFacts {
    /// Device of observer's PID namespace file; only where `pid_ns_inode` is not 0.
    pub pid_ns_device: u64,
    /// Inode of observer's PID namespace, 0 where that is the host's first: process ids need no
    /// translation then.
    pub pid_ns_inode: u64,
    /// `LINUX_MIB_TCPKEEPALIVE`.
    pub keepalive_mib: u32,
    /// Number of the system call setsockopt.
    pub nr_setsockopt: u32,
    /// Number of the system call io_uring_enter.
    pub nr_io_uring_enter: u32,
    /// Size of `struct tcp_sock`, at most [`TCP_BYTES_MAX`].
    pub tcp_bytes: u32,
    /// 1 where `bpf_get_current_task_btf` exists (5.11 and later).
    pub has_task_btf: u32,
    /// 1 where `bpf_get_socket_cookie` takes a `struct sock` (5.12 and later).
    pub has_cookie_helper: u32,
}

impl HookFacts {
    /// Nothing known.
    pub const EMPTY: Self = Self {
        pid_ns_device: 0,
        pid_ns_inode: 0,
        keepalive_mib: 0,
        nr_setsockopt: 0,
        nr_io_uring_enter: 0,
        tcp_bytes: 0,
        has_task_btf: 0,
        has_cookie_helper: 0,
    };
}

/// Room for a `struct tcp_sock`, which takes up to some 2,500 bytes.
pub const TCP_BYTES_MAX: u32 = 4096;

/// Settings that user space changes while the hooks run.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switch {
    /// Bits of the kinds of event that somebody listens for, [`crate::event::EventKind::bit`].
    pub listens: u32,
    /// 1 where accept is hooked: an accepted connection is reported when accept returns it.
    pub sees_accept: u32,
    /// The least idle time or interval in jiffies that may be too late for some path; 0 where none is.
    pub late_from: u32,
}

const _: () = assert!(size_of::<HookFacts>() == 40);
const _: () = assert!(size_of::<Switch>() == 12);
