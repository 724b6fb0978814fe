//! Places of the kernel fields that the programs read. User space fills them in from the
//! kernel's BTF and passes it as a global before the programs are loaded; the verifier then sees
//! constants.

/// Place of one field within its structure. A size of 0 means that this kernel has no such field.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Field {
    /// Bytes from the start of the structure.
    pub offset: u16,
    /// Size in bytes: 1, 2, 4 or 8 for what is loaded at once.
    pub size: u8,
    /// For a bitfield, its first bit within the loaded value.
    pub bit: u8,
    /// For a bitfield, its width in bits; else 0.
    pub bits: u8,
    /// Always 0.
    pub padding: [u8; 3],
}

impl Field {
    /// A field that this kernel does not have.
    pub const ABSENT: Self = Self {
        offset: 0,
        size: 0,
        bit: 0,
        bits: 0,
        padding: [0; 3],
    };

    /// `true` if this kernel has the field.
    #[must_use]
    pub const fn is_present(self) -> bool {
        self.size != 0
    }
}

/// Generates [`Layout`] together with the list of the kernel fields that fill it, so that the two
/// cannot drift apart.
macro_rules! layout {
    ($($(#[$doc:meta])* $name:ident: [$($structure:literal . $path:literal),+] $need:ident;)*) => {
        /// Every field that the programs read, by the name of what it holds.
        #[repr(C)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Layout {
            $($(#[$doc])* pub $name: Field,)*
        }

        impl Layout {
            /// A layout without any field.
            pub const EMPTY: Self = Self { $($name: Field::ABSENT,)* };

            /// Specification of each field, in order.
            pub const SPEC: &'static [FieldSpec] = &[
                $(FieldSpec {
                    name: stringify!($name),
                    places: &[$(($structure, $path)),+],
                    need: Need::$need,
                    slot: |layout| &mut layout.$name,
                },)*
            ];
        }
    };
}

/// Specification by which user space finds a field.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// The field's name in [`Layout`].
    pub name: &'static str,
    /// Structure and member path, the first that the kernel has counts. Anonymous members are
    /// transparent.
    pub places: &'static [(&'static str, &'static str)],
    /// Consequence of its absence.
    pub need: Need,
    /// Its slot in a layout.
    pub slot: fn(&mut Layout) -> &mut Field,
}

/// Consequence of a missing field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The programs cannot work without it.
    Required,
    /// The value that it holds stays unknown.
    Optional,
}

layout! {
    /// `AF_INET` or `AF_INET6`.
    family: ["sock_common"."skc_family"] Required;
    /// TCP state.
    state: ["sock_common"."skc_state"] Required;
    /// Socket flags; `SOCK_KEEPOPEN` is one of them.
    flags: ["sock_common"."skc_flags"] Required;
    /// IPv4 peer.
    daddr: ["sock_common"."skc_daddr"] Required;
    /// IPv4 local address.
    rcv_saddr: ["sock_common"."skc_rcv_saddr"] Required;
    /// Peer's port, network order.
    dport: ["sock_common"."skc_dport"] Required;
    /// Local port, host order.
    num: ["sock_common"."skc_num"] Required;
    /// IPv6 peer; absent in kernels built without IPv6.
    v6_daddr: ["sock_common"."skc_v6_daddr"] Optional;
    /// IPv6 local address.
    v6_rcv_saddr: ["sock_common"."skc_v6_rcv_saddr"] Optional;
    /// Network namespace.
    net: ["sock_common"."skc_net.net"] Required;
    /// Socket cookie; 0 until somebody asks for it.
    cookie: ["sock_common"."skc_cookie"] Required;
    /// The `struct socket`; null for orphans.
    socket: ["sock"."sk_socket"] Required;
    /// User that made it.
    uid: ["sock"."sk_uid"] Required;
    /// Made by the kernel itself (bitfield).
    kern_sock: ["sock"."sk_kern_sock"] Optional;
    /// Allocation mode: only in-kernel users change it.
    allocation: ["sock"."sk_allocation"] Optional;
    /// Control group that the socket was made in.
    cgroup: ["sock"."sk_cgrp_data.cgroup"] Optional;
    /// Expiry of the keepalive timer. Where `icsk_keepalive_timer` exists, `sk_timer` holds the
    /// retransmit timer.
    keepalive_expires: ["inet_connection_sock"."icsk_keepalive_timer.expires", "sock"."sk_timer.expires"] Required;
    /// Not null while the keepalive timer is pending.
    keepalive_pprev: ["inet_connection_sock"."icsk_keepalive_timer.entry.pprev", "sock"."sk_timer.entry.pprev"] Required;
    /// Expiry of the retransmission, loss-probe or zero-window-probe timer.
    retransmit_expires: ["inet_connection_sock"."icsk_timeout", "inet_connection_sock"."icsk_retransmit_timer.expires", "sock"."tcp_retransmit_timer.expires"] Required;
    /// Kind of the timer whose expiry is `retransmit_expires`.
    pending: ["inet_connection_sock"."icsk_pending"] Required;
    /// Retransmissions.
    retransmits: ["inet_connection_sock"."icsk_retransmits"] Required;
    /// Unanswered probes.
    probes_out: ["inet_connection_sock"."icsk_probes_out"] Required;
    /// `TCP_USER_TIMEOUT`, ms.
    user_timeout: ["inet_connection_sock"."icsk_user_timeout"] Required;
    /// Last payload received, jiffies.
    lrcvtime: ["inet_connection_sock"."icsk_ack.lrcvtime"] Required;
    /// Last payload sent, jiffies.
    lsndtime: ["tcp_sock"."lsndtime"] Required;
    /// Last acknowledgement received, jiffies.
    rcv_tstamp: ["tcp_sock"."rcv_tstamp"] Required;
    /// Last answer to a segment without data from before the window, jiffies; 0 where there was none. It is
    /// what a keepalive probe of the peer leaves (`tcp_validate_incoming`).
    peer_probe: ["tcp_sock"."last_oow_ack_time"] Optional;
    /// `TCP_KEEPIDLE`, jiffies; 0 for the sysctl.
    keepalive_time: ["tcp_sock"."keepalive_time"] Required;
    /// `TCP_KEEPINTVL`, jiffies; 0 for the sysctl.
    keepalive_intvl: ["tcp_sock"."keepalive_intvl"] Required;
    /// `TCP_KEEPCNT`; 0 for the sysctl.
    keepalive_probes: ["tcp_sock"."keepalive_probes"] Required;
    /// Segments in flight.
    packets_out: ["tcp_sock"."packets_out"] Required;
    /// End of what was written.
    write_seq: ["tcp_sock"."write_seq"] Required;
    /// End of what was sent.
    snd_nxt: ["tcp_sock"."snd_nxt"] Required;
    /// Segments received.
    segs_in: ["tcp_sock"."segs_in"] Required;
    /// Bytes sent, retransmissions included.
    bytes_sent: ["tcp_sock"."bytes_sent"] Required;
    /// Bytes received.
    bytes_received: ["tcp_sock"."bytes_received"] Required;
    /// Inode number of the namespace.
    net_inum: ["net"."ns.inum"] Required;
    /// `net.ipv4.tcp_keepalive_time`, jiffies.
    sysctl_time: ["net"."ipv4.sysctl_tcp_keepalive_time"] Required;
    /// `net.ipv4.tcp_keepalive_intvl`, jiffies.
    sysctl_intvl: ["net"."ipv4.sysctl_tcp_keepalive_intvl"] Required;
    /// `net.ipv4.tcp_keepalive_probes`.
    sysctl_probes: ["net"."ipv4.sysctl_tcp_keepalive_probes"] Required;
    /// The socket's `struct sock`.
    socket_sk: ["socket"."sk"] Required;
    /// The socket's open file; null where the kernel made it.
    socket_file: ["socket"."file"] Required;
    /// Number of references to the file, by descriptors and others, counted in a way that differs from kernel to
    /// kernel: a whole number that grows with them.
    file_count: ["file"."f_count", "file"."f_ref"] Optional;
    /// The file's inode.
    file_inode: ["file"."f_inode"] Required;
    /// The inode's number.
    inode_ino: ["inode"."i_ino"] Required;
    /// Leader of the thread group.
    group_leader: ["task_struct"."group_leader"] Required;
    /// Process id in the initial PID namespace.
    tgid: ["task_struct"."tgid"] Required;
    /// Name.
    comm: ["task_struct"."comm"] Required;
    /// The task's `struct pid`.
    thread_pid: ["task_struct"."thread_pid"] Required;
    /// Depth of the PID namespace.
    pid_level: ["pid"."level"] Required;
    /// Numbers, one a namespace.
    pid_numbers: ["pid"."numbers"] Required;
    /// The task's control groups.
    cgroups: ["task_struct"."cgroups"] Optional;
    /// Its group in the unified hierarchy.
    dfl_cgrp: ["css_set"."dfl_cgrp"] Optional;
    /// The group's node in kernfs.
    cgroup_kn: ["cgroup"."kn"] Optional;
    /// The node's id, which is its inode number.
    kn_id: ["kernfs_node"."id"] Optional;
    /// Expiry of TIME_WAIT.
    tw_expires: ["inet_timewait_sock"."tw_timer.expires"] Optional;
    /// Expiry of the SYN-ACK timer.
    rsk_expires: ["request_sock"."rsk_timer.expires"] Optional;
    /// SYN-ACK retransmissions.
    rsk_retransmits: ["request_sock"."num_timeout"] Optional;
    /// `IPPROTO_TCP` or another.
    protocol: ["sock"."sk_protocol"] Optional;
    /// Pending error.
    sk_err: ["sock"."sk_err"] Optional;
    /// Local port, network order: it stays when the port itself is given back.
    sport: ["inet_sock"."inet_sport"] Optional;
    /// First byte that is not acknowledged.
    snd_una: ["tcp_sock"."snd_una"] Optional;
    /// The keepalive timer itself.
    keepalive_timer: ["inet_connection_sock"."icsk_keepalive_timer", "sock"."sk_timer"] Optional;
    /// Function that the keepalive timer calls.
    keepalive_function: ["inet_connection_sock"."icsk_keepalive_timer.function", "sock"."sk_timer.function"] Optional;
    /// Function that a timer calls.
    timer_function: ["timer_list"."function"] Optional;
    /// The task's open files.
    files: ["task_struct"."files"] Optional;
    /// Their table.
    files_table: ["files_struct"."fdt"] Optional;
    /// Its entries.
    table_files: ["fdtable"."fd"] Optional;
    /// How many.
    table_max: ["fdtable"."max_fds"] Optional;
    /// For a socket's file, its `struct socket`.
    file_private: ["file"."private_data"] Optional;
    /// Type and permissions of the file.
    inode_mode: ["inode"."i_mode"] Optional;
    /// `PF_KTHREAD` and others.
    task_flags: ["task_struct"."flags"] Optional;
    /// Number of the system call that the task is in.
    regs_syscall: ["pt_regs"."orig_ax", "pt_regs"."syscallno"] Optional;
}

const _: () = assert!(size_of::<Layout>() == Layout::SPEC.len() * 8);
