//! The scan's programs: walks of every process's file descriptors and of the TCP tables.

use aya_ebpf::btf_maps::ArrayOfMaps;
use aya_ebpf::helpers::generated::{
    bpf_ktime_get_ns, bpf_skc_to_tcp_request_sock, bpf_skc_to_tcp_timewait_sock,
};
use aya_ebpf::macros::{btf_map, map};
use aya_ebpf::maps::{Array, HashMap};
use observer_common::socket::flag;
use observer_common::{
    Pass, RecordKind, ScanMode, SocketRecord, TableRecord, TrackedSocket, TrackedSocketRecord,
};

use crate::iter::{Meta, TaskFileContext, TcpContext, inode, tcp_of, write};
use crate::sock::{Direct, Kernel, Load as _, field, state};
use crate::socket::{fill, fill_common, netns};
use crate::{cookie, owner};

/// Selection of what the walks write.
#[map]
static SCAN_MODE: Array<ScanMode> = Array::with_max_entries(1, 0);

/// Cookies, or addresses of files, for [`Pass::Candidates`].
#[map]
static CANDIDATES: HashMap<u64, u8> = HashMap::with_max_entries(65536, 1);

/// Tracked sockets of the hooks that run, this observer's or another's; empty where none do.
#[btf_map]
static TRACKED_SLOT: ArrayOfMaps<aya_ebpf::btf_maps::HashMap<u64, TrackedSocket, 1>, 1> =
    ArrayOfMaps::new();

/// Walk of every file descriptor of every process: all network namespaces at once.
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
    // Before any access to the file: most of a walk's time goes into cache misses.
    if !is_candidate(mode, file as u64) {
        return 0;
    }
    let tcp = tcp_of(file);
    if tcp.is_null() {
        return 0;
    }
    let state = Direct::number(tcp, field!(state)) as u32;
    let cookie = cookie::of(tcp, true);
    if mode.states >> (state & 31) & 1 == 0 && cookie != mode.calibration {
        return 0;
    }
    let mut record = SocketRecord::default();
    fill::<Direct>(&mut record, tcp, cookie, state as u8);
    record.flags |= flag::SOCKET | flag::FILE;
    record.inode = inode(file);
    owner::fill(&mut record, task, fd);
    write(meta, &record);
    write_tracked(meta, tcp, cookie);
    0
}

/// Walk of the TCP tables of the network namespace that the iterator was made in, for sockets that
/// no file descriptor leads to.
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
    let state = Direct::number(skc, field!(state));
    let listed_as = if state == state::NEW_SYN_RECV {
        state::SYN_RECV
    } else {
        state
    };
    if mode.states >> (listed_as & 31) & 1 == 0 {
        return 0;
    }
    let cookie = cookie::of(skc, true);
    if !is_candidate(mode, cookie) {
        return 0;
    }
    if state == state::TIME_WAIT || state == state::NEW_SYN_RECV {
        fill_small(meta, skc, cookie, state);
        return 0;
    }
    let tcp = Direct::tcp(skc);
    if tcp.is_null() {
        return 0;
    }
    let socket = Direct::pointer(tcp, field!(socket));
    let mut file: Kernel = core::ptr::null();
    if !socket.is_null() {
        file = Direct::pointer(socket, field!(socket_file));
    }
    if mode.pass == Pass::All as u32 && !file.is_null() {
        let record = TableRecord {
            size: size_of::<TableRecord>() as u16,
            kind: RecordKind::Table as u8,
            state: state as u8,
            netns: netns::<Direct>(tcp),
            cookie,
            file: file as u64,
        };
        write(meta, &record);
        return 0;
    }
    let mut record = SocketRecord::default();
    fill::<Direct>(&mut record, tcp, cookie, state as u8);
    if !socket.is_null() {
        record.flags |= flag::SOCKET;
    }
    if !file.is_null() {
        record.flags |= flag::FILE;
        record.inode = inode(file);
    }
    record.cgroup = owner::cgroup_id(Direct::pointer(tcp, field!(cgroup)));
    write(meta, &record);
    write_tracked(meta, tcp, cookie);
    0
}

#[inline(always)]
fn is_candidate(mode: &ScanMode, key: u64) -> bool {
    // SAFETY: nothing writes the map while a walk runs.
    mode.pass != Pass::Candidates as u32 || unsafe { CANDIDATES.get(key) }.is_some()
}

/// Writes the past of the socket, if the hooks remember it.
#[inline(always)]
fn write_tracked(meta: *const Meta, tcp: Kernel, cookie: u64) {
    let Some(tracked) = TRACKED_SLOT.get_value_ptr_mut(0, &(tcp as u64)) else {
        return;
    };
    let record = TrackedSocketRecord {
        size: size_of::<TrackedSocketRecord>() as u16,
        kind: RecordKind::TrackedSocket as u8,
        padding: [0; 5],
        cookie,
        // SAFETY: no arguments.
        at_ns: unsafe { bpf_ktime_get_ns() },
        // SAFETY: the kernel keeps a value's memory while the program runs.
        tracked: unsafe { *tracked },
    };
    write(meta, &record);
}

/// Writes the record of a TIME_WAIT or half-open socket, which has little more than addresses and a
/// timer.
#[inline(always)]
fn fill_small(meta: *const Meta, skc: Kernel, cookie: u64, state: u64) {
    let mut record = SocketRecord::default();
    fill_common::<Direct>(&mut record, skc, cookie, state as u8);
    if state == state::TIME_WAIT {
        // SAFETY: `skc` is what the iterator handed us.
        let tw: Kernel = unsafe { bpf_skc_to_tcp_timewait_sock(skc.cast_mut().cast()) }
            .cast::<u8>()
            .cast_const();
        if tw.is_null() {
            return;
        }
        record.kind = RecordKind::TimeWait as u8;
        record.retransmit_expires = Direct::number(tw, field!(tw_expires)) as u32;
    } else {
        // SAFETY: as above.
        let request: Kernel = unsafe { bpf_skc_to_tcp_request_sock(skc.cast_mut().cast()) }
            .cast::<u8>()
            .cast_const();
        if request.is_null() {
            return;
        }
        record.kind = RecordKind::Request as u8;
        record.retransmit_expires = Direct::number(request, field!(rsk_expires)) as u32;
        record.retransmits = Direct::number(request, field!(rsk_retransmits)) as u8;
    }
    write(meta, &record);
}
