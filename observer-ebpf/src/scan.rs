//! The scan: walks of every process's file descriptors and of the TCP tables.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{
    bpf_jiffies64, bpf_seq_write, bpf_skc_to_tcp_request_sock, bpf_skc_to_tcp_sock,
    bpf_skc_to_tcp_timewait_sock, bpf_sock_from_file,
};
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap};
use observer_common::socket::flag;
use observer_common::{Pass, RecordKind, ScanMode, SocketRecord, TableRecord};

use crate::owner;
use crate::sock::{Kernel, bytes16, cookie, field, keepalive_on, number, pointer};

/// What the walks are to write.
#[map]
static SCAN_MODE: Array<ScanMode> = Array::with_max_entries(1, 0);

/// Cookies, or addresses of files, for [`Pass::Candidates`].
#[map]
static CANDIDATES: HashMap<u64, u8> = HashMap::with_max_entries(65536, 1);

const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;
const TCP_SYN_RECV: u32 = 3;
const TCP_TIME_WAIT: u32 = 6;
const TCP_NEW_SYN_RECV: u32 = 12;

/// `struct bpf_iter__task_file`.
#[repr(C)]
struct TaskFileContext {
    meta: *const Meta,
    task: Kernel,
    fd: u32,
    file: Kernel,
}

/// `struct bpf_iter__tcp`.
#[repr(C)]
struct TcpContext {
    meta: *const Meta,
    sk_common: Kernel,
}

/// `struct bpf_iter_meta`.
#[repr(C)]
struct Meta {
    seq: *mut c_void,
}

/// Walks every file descriptor of every process: all network namespaces at once.
///
/// # Safety
/// Called by the kernel with the iterator's context.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
unsafe extern "C" fn scan_files(context: *const TaskFileContext) -> i32 {
    // SAFETY: the verifier knows the context's layout.
    let (meta, task, fd, file) = unsafe {
        (
            (*context).meta,
            (*context).task,
            (*context).fd,
            (*context).file,
        )
    };
    if task.is_null() || file.is_null() {
        return 0;
    }
    let Some(mode) = SCAN_MODE.get(0) else {
        return 0;
    };
    // Before anything of the file is touched: most of a walk's time goes into cache misses.
    if !is_candidate(mode, file as u64) {
        return 0;
    }
    // SAFETY: `file` is what the iterator handed us.
    let socket: Kernel = unsafe { bpf_sock_from_file(file.cast_mut().cast()) }
        .cast::<u8>()
        .cast_const();
    if socket.is_null() {
        return 0;
    }
    let sk = pointer(socket, field!(socket_sk));
    // SAFETY: null or a sock; the helper tells TCP from others.
    let tcp: Kernel = unsafe { bpf_skc_to_tcp_sock(sk.cast_mut().cast()) }
        .cast::<u8>()
        .cast_const();
    if tcp.is_null() {
        return 0;
    }
    let state = number(tcp, field!(state)) as u32;
    let cookie = cookie(tcp);
    if mode.states >> (state & 31) & 1 == 0 && cookie != mode.calibration {
        return 0;
    }
    let mut record = SocketRecord::default();
    fill(&mut record, tcp, cookie, state as u8);
    record.flags |= flag::SOCKET | flag::FILE;
    record.inode = inode(file);
    owner::fill(&mut record, task, fd);
    write(meta, &record);
    0
}

/// Walks the TCP tables of the network namespace that the iterator was made in, for what no file
/// descriptor leads to.
///
/// # Safety
/// Called by the kernel with the iterator's context.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/tcp")]
unsafe extern "C" fn scan_tables(context: *const TcpContext) -> i32 {
    // SAFETY: the verifier knows the context's layout.
    let (meta, skc) = unsafe { ((*context).meta, (*context).sk_common) };
    if skc.is_null() {
        return 0;
    }
    let Some(mode) = SCAN_MODE.get(0) else {
        return 0;
    };
    let state = number(skc, field!(state)) as u32;
    let listed_as = if state == TCP_NEW_SYN_RECV {
        TCP_SYN_RECV
    } else {
        state
    };
    if mode.states >> (listed_as & 31) & 1 == 0 {
        return 0;
    }
    let cookie = cookie(skc);
    if !is_candidate(mode, cookie) {
        return 0;
    }
    if state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV {
        fill_small(meta, skc, cookie, state);
        return 0;
    }
    // SAFETY: `skc` is what the iterator handed us.
    let tcp: Kernel = unsafe { bpf_skc_to_tcp_sock(skc.cast_mut().cast()) }
        .cast::<u8>()
        .cast_const();
    if tcp.is_null() {
        return 0;
    }
    let socket = pointer(tcp, field!(socket));
    let mut file: Kernel = core::ptr::null();
    if !socket.is_null() {
        file = pointer(socket, field!(socket_file));
    }
    if mode.pass == Pass::All as u32 && !file.is_null() {
        let record = TableRecord {
            size: size_of::<TableRecord>() as u16,
            kind: RecordKind::Table as u8,
            state: state as u8,
            netns: netns(tcp),
            cookie,
            file: file as u64,
        };
        write(meta, &record);
        return 0;
    }
    let mut record = SocketRecord::default();
    fill(&mut record, tcp, cookie, state as u8);
    if !socket.is_null() {
        record.flags |= flag::SOCKET;
    }
    if !file.is_null() {
        record.flags |= flag::FILE;
        record.inode = inode(file);
    }
    record.cgroup = owner::cgroup_id(pointer(tcp, field!(cgroup)));
    write(meta, &record);
    0
}

#[inline(always)]
fn is_candidate(mode: &ScanMode, key: u64) -> bool {
    // SAFETY: nothing writes the map while a walk runs.
    mode.pass != Pass::Candidates as u32 || unsafe { CANDIDATES.get(key) }.is_some()
}

#[inline(always)]
fn netns(sk: Kernel) -> u32 {
    number(pointer(sk, field!(net)), field!(net_inum)) as u32
}

#[inline(always)]
fn inode(file: Kernel) -> u64 {
    number(pointer(file, field!(file_inode)), field!(inode_ino))
}

#[inline(always)]
fn write<T>(meta: *const Meta, record: &T) {
    // A record that does not fit makes the kernel enlarge its buffer and call again.
    // SAFETY: the verifier knows the context's layout and the record's bounds.
    unsafe {
        bpf_seq_write(
            (*meta).seq.cast(),
            (&raw const *record).cast(),
            size_of::<T>() as u32,
        )
    };
}

/// What every kind of TCP socket has: addresses, ports, namespace.
#[inline(always)]
fn fill_common(record: &mut SocketRecord, skc: Kernel, cookie: u64, state: u8) {
    record.size = size_of::<SocketRecord>() as u16;
    record.state = state;
    record.cookie = cookie;
    // SAFETY: no arguments.
    record.jiffies = unsafe { bpf_jiffies64() };
    let family = number(skc, field!(family));
    record.family = family as u16;
    if family == AF_INET {
        record.local = [number(skc, field!(rcv_saddr)), 0];
        record.remote = [number(skc, field!(daddr)), 0];
    } else if family == AF_INET6 {
        record.local = bytes16(skc, field!(v6_rcv_saddr));
        record.remote = bytes16(skc, field!(v6_daddr));
    }
    record.local_port = number(skc, field!(num)) as u16;
    record.remote_port_be = number(skc, field!(dport)) as u16;
    record.netns = netns(skc);
}

/// TIME_WAIT and half-open sockets, which have little more than addresses and a timer.
#[inline(always)]
fn fill_small(meta: *const Meta, skc: Kernel, cookie: u64, state: u32) {
    let mut record = SocketRecord::default();
    fill_common(&mut record, skc, cookie, state as u8);
    if state == TCP_TIME_WAIT {
        // SAFETY: `skc` is what the iterator handed us.
        let tw: Kernel = unsafe { bpf_skc_to_tcp_timewait_sock(skc.cast_mut().cast()) }
            .cast::<u8>()
            .cast_const();
        if tw.is_null() {
            return;
        }
        record.kind = RecordKind::TimeWait as u8;
        record.retransmit_expires = number(tw, field!(tw_expires)) as u32;
    } else {
        // SAFETY: as above.
        let request: Kernel = unsafe { bpf_skc_to_tcp_request_sock(skc.cast_mut().cast()) }
            .cast::<u8>()
            .cast_const();
        if request.is_null() {
            return;
        }
        record.kind = RecordKind::Request as u8;
        record.retransmit_expires = number(request, field!(rsk_expires)) as u32;
        record.retransmits = number(request, field!(rsk_retransmits)) as u8;
    }
    write(meta, &record);
}

/// Everything of a full socket but its owner.
#[inline(always)]
fn fill(record: &mut SocketRecord, tcp: Kernel, cookie: u64, state: u8) {
    fill_common(record, tcp, cookie, state);
    record.kind = RecordKind::Full as u8;
    if keepalive_on(tcp) {
        record.flags |= flag::KEEPALIVE;
    }
    if number(tcp, field!(keepalive_pprev)) != 0 {
        record.flags |= flag::KEEPALIVE_PENDING;
    }
    if number(tcp, field!(kern_sock)) != 0 {
        record.flags |= flag::KERNEL;
    }
    record.uid = number(tcp, field!(uid)) as u32;
    record.allocation = number(tcp, field!(allocation)) as u32;
    record.bytes_sent = number(tcp, field!(bytes_sent));
    record.bytes_received = number(tcp, field!(bytes_received));
    record.keepalive_time = number(tcp, field!(keepalive_time)) as u32;
    record.keepalive_intvl = number(tcp, field!(keepalive_intvl)) as u32;
    record.keepalive_probes = number(tcp, field!(keepalive_probes)) as u8;
    record.user_timeout_ms = number(tcp, field!(user_timeout)) as u32;
    record.lsndtime = number(tcp, field!(lsndtime)) as u32;
    record.lrcvtime = number(tcp, field!(lrcvtime)) as u32;
    record.rcv_tstamp = number(tcp, field!(rcv_tstamp)) as u32;
    record.retransmit_expires = number(tcp, field!(retransmit_expires)) as u32;
    record.keepalive_expires = number(tcp, field!(keepalive_expires)) as u32;
    record.packets_out = number(tcp, field!(packets_out)) as u32;
    let written = number(tcp, field!(write_seq)) as u32;
    record.unsent = written.wrapping_sub(number(tcp, field!(snd_nxt)) as u32);
    record.segs_in = number(tcp, field!(segs_in)) as u32;
    record.pending = number(tcp, field!(pending)) as u8;
    record.retransmits = number(tcp, field!(retransmits)) as u8;
    record.probes_out = number(tcp, field!(probes_out)) as u8;
    let net = pointer(tcp, field!(net));
    record.sysctl_time = number(net, field!(sysctl_time)) as u32;
    record.sysctl_intvl = number(net, field!(sysctl_intvl)) as u32;
    record.sysctl_probes = number(net, field!(sysctl_probes)).min(255) as u8;
}
