//! The summary's programs: they count healthy sockets, and write records of the others.

use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use observer_common::SocketRecord;
use observer_common::socket::flag;
use observer_common::summary::{SummarySettings, WorkloadKey};

use crate::assess::{Assessment, assess};
use crate::iter::{Meta, TaskFileContext, TcpContext, inode, tcp_of, write};
use crate::sock::{Direct, Kernel, Load as _, field, state};
use crate::socket::{fill, netns};
use crate::{cookie, owner, tally};

/// Settings of the next walk, written by user space.
#[map]
static SETTINGS: Array<SummarySettings> = Array::with_max_entries(1, 0);

/// Id of the root control group: with control groups of version 1, that of every process.
const ROOT_ID: u64 = 1;

/// Walk of every process's file descriptors.
///
/// # Safety
/// Called by the kernel with the iterator's context.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
unsafe extern "C" fn summarize_files(context: *const TaskFileContext) -> i32 {
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
    let (Some(settings), Some(tally)) = (SETTINGS.get(0), tally::get()) else {
        return 0;
    };
    let tcp = tcp_of(file);
    if tcp.is_null() {
        return 0;
    }
    let state = Direct::number(tcp, field!(state));
    if state == state::CLOSE {
        if Direct::number(tcp, field!(cookie)) == settings.calibration {
            let references = Direct::number(file, field!(file_count));
            if tally.single_references == 0 || references < tally.single_references {
                tally.single_references = references;
            }
            write_with_owner(meta, tcp, state, task, fd, file);
        }
        return 0;
    }
    let assessment = assess(settings, tcp, state);
    // The kernel calls again for a record that does not fit: it is not counted yet.
    if matches!(assessment, Assessment::Flagged)
        && !write_with_owner(meta, tcp, state, task, fd, file)
    {
        return 0;
    }
    if !tally::is_first(settings, tally, file, tcp) {
        return 0;
    }
    tally::count_netns(tally, netns::<Direct>(tcp), state == state::LISTEN);
    if let Assessment::Healthy(healthy) = assessment {
        let leader = Direct::pointer(task, field!(group_leader));
        let pid = owner::pid(leader);
        let key = if settings.by_comm != 0 {
            Direct::bytes16(leader, field!(comm))
        } else {
            match owner::cgroup(task) {
                ..=ROOT_ID => [ROOT_ID, u64::from(pid)],
                id => [id, 0],
            }
        };
        tally::count_healthy(settings, tally, &healthy);
        tally::count_workload(tally, key, pid, healthy.verdict);
    }
    0
}

/// Walk of a network namespace's TCP tables, for sockets without a file: no descriptor can lead to
/// them.
///
/// # Safety
/// Called by the kernel with the iterator's context.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/tcp")]
unsafe extern "C" fn summarize_tables(context: *const TcpContext) -> i32 {
    // SAFETY: the verifier knows the context's layout.
    let (meta, skc) = unsafe { ((*context).meta, (*context).sk_common) };
    if skc.is_null() {
        return 0;
    }
    let (Some(settings), Some(tally)) = (SETTINGS.get(0), tally::get()) else {
        return 0;
    };
    let state = Direct::number(skc, field!(state));
    if state == state::TIME_WAIT || state == state::NEW_SYN_RECV {
        return 0;
    }
    let tcp = Direct::tcp(skc);
    if tcp.is_null() {
        return 0;
    }
    let socket = Direct::pointer(tcp, field!(socket));
    if !socket.is_null() && !Direct::pointer(socket, field!(socket_file)).is_null() {
        return 0;
    }
    let assessment = assess(settings, tcp, state);
    let group = owner::cgroup_id(Direct::pointer(tcp, field!(cgroup)));
    if matches!(assessment, Assessment::Flagged) {
        let mut record = SocketRecord::default();
        fill::<Direct>(&mut record, tcp, cookie::of(tcp, true), state as u8);
        if !socket.is_null() {
            record.flags |= flag::SOCKET;
        }
        record.cgroup = group;
        if !write(meta, &record) {
            return 0;
        }
    }
    tally::count_netns(tally, netns::<Direct>(tcp), state == state::LISTEN);
    if let Assessment::Healthy(healthy) = assessment {
        let key: WorkloadKey = if settings.by_comm != 0 {
            [0, 0]
        } else {
            [group, 0]
        };
        tally::count_healthy(settings, tally, &healthy);
        tally::count_workload(tally, key, 0, healthy.verdict);
    }
    0
}

/// Writes the record of a socket with its owner; `false` where it did not fit.
#[inline(always)]
fn write_with_owner(
    meta: *const Meta,
    tcp: Kernel,
    state: u64,
    task: Kernel,
    fd: u32,
    file: Kernel,
) -> bool {
    let mut record = SocketRecord::default();
    fill::<Direct>(&mut record, tcp, cookie::of(tcp, true), state as u8);
    record.flags |= flag::SOCKET | flag::FILE;
    record.inode = inode(file);
    owner::fill(&mut record, task, fd);
    write(meta, &record)
}
