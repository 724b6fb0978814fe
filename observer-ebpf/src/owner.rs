//! The owner of the file that the walk is at.

use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use observer_common::SocketRecord;
use observer_common::socket::flag;

use crate::sock::{Direct, Kernel, Load as _, field};

/// Writes the process of `task` and its control group into the record.
#[inline(always)]
pub(crate) fn fill(record: &mut SocketRecord, task: Kernel, fd: u32) {
    let leader = Direct::pointer(task, field!(group_leader));
    record.flags |= flag::OWNER;
    record.pid = pid(leader);
    record.fd = fd;
    record.comm = Direct::bytes16(leader, field!(comm));
    record.cgroup = cgroup(task);
}

/// Id of the task's control group in the unified hierarchy, 0 where there is none.
#[inline(always)]
pub(crate) fn cgroup(task: Kernel) -> u64 {
    let css_set = Direct::pointer(task, field!(cgroups));
    if css_set.is_null() {
        return 0;
    }
    cgroup_id(Direct::pointer(css_set, field!(dfl_cgrp)))
}

/// Id of a control group, 0 where there is none.
#[inline(always)]
pub(crate) fn cgroup_id(cgroup: Kernel) -> u64 {
    if cgroup.is_null() {
        return 0;
    }
    let node = Direct::pointer(cgroup, field!(cgroup_kn));
    if node.is_null() {
        return 0;
    }
    Direct::number(node, field!(kn_id))
}

/// Process id in the PID namespace of this iterator's reader.
#[inline(always)]
pub(crate) fn pid(leader: Kernel) -> u32 {
    // SAFETY: returns the running task, which is the iterator's reader.
    let reader: Kernel = unsafe { bpf_get_current_task_btf() }
        .cast::<u8>()
        .cast_const();
    let level = Direct::number(
        Direct::pointer(reader, field!(thread_pid)),
        field!(pid_level),
    ) as u32;
    if level == 0 {
        return Direct::number(leader, field!(tgid)) as u32;
    }
    // The depth is not a constant, so the verifier does not take a direct load. `struct upid`
    // begins with the number and holds a pointer beside it: 16 bytes.
    let numbers = usize::from(field!(pid_numbers).offset);
    let at = Direct::pointer(leader, field!(thread_pid))
        .wrapping_add(numbers)
        .wrapping_add(level as usize * 16);
    // SAFETY: a bad address makes the helper fail.
    unsafe { bpf_probe_read_kernel(at.cast::<u32>()) }.unwrap_or(0)
}
