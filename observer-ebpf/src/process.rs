//! The process that runs.

use aya_ebpf::bindings::bpf_pidns_info;
use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_get_current_task, bpf_get_current_task_btf,
    bpf_get_ns_current_pid_tgid, bpf_task_pt_regs,
};
use observer_common::Via;

use crate::facts::fact;
use crate::sock::{Direct, Kernel, Load, Probed, field};

/// `PF_IO_WORKER` and `PF_KTHREAD` of `include/linux/sched.h`.
const PF_IO_WORKER: u64 = 0x10;
const PF_KTHREAD: u64 = 0x20_0000;

/// A process by id and name; an id of 0 is one that observer's PID namespace does not show.
#[derive(Clone, Copy, Default)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) comm: [u64; 2],
}

/// The running task.
#[inline(always)]
pub(crate) fn task() -> Kernel {
    // SAFETY: no arguments.
    unsafe { bpf_get_current_task() as Kernel }
}

/// The process that runs, by the name of its first thread.
#[inline(always)]
pub(crate) fn current() -> Process {
    let comm = if fact!(has_task_btf) == 0 {
        leader_comm::<Probed>(task())
    } else {
        // SAFETY: no arguments.
        leader_comm::<Direct>(unsafe { bpf_get_current_task_btf() } as Kernel)
    };
    Process { pid: pid(), comm }
}

#[inline(always)]
fn leader_comm<L: Load>(task: Kernel) -> [u64; 2] {
    L::bytes16(L::pointer(task, field!(group_leader)), field!(comm))
}

#[inline(always)]
fn pid() -> u32 {
    if fact!(pid_ns_inode) == 0 {
        // SAFETY: no arguments.
        return (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32;
    }
    let (device, inode) = (fact!(pid_ns_device), fact!(pid_ns_inode));
    let mut found = bpf_pidns_info { pid: 0, tgid: 0 };
    let size = size_of::<bpf_pidns_info>() as u32;
    // SAFETY: the helper writes as many bytes as it is told.
    let failed = unsafe { bpf_get_ns_current_pid_tgid(device, inode, &raw mut found, size) };
    if failed == 0 { found.tgid } else { 0 }
}

/// Means by which the running task sets an option by a pointer into user space; `None` where it
/// cannot be told. Linux 5.15 and later.
#[inline(always)]
pub(crate) fn via() -> Option<Via> {
    let flags = Probed::number(task(), field!(task_flags));
    if flags & PF_IO_WORKER != 0 {
        return Some(Via::IoUring);
    }
    if flags & PF_KTHREAD != 0 {
        return Some(Via::Kernel);
    }
    if field!(regs_syscall).size == 0 {
        return None;
    }
    // SAFETY: the running task is a task.
    let regs = unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) } as Kernel;
    let number = Probed::number(regs, field!(regs_syscall)) as u32;
    if number == fact!(nr_setsockopt) {
        Some(Via::Syscall)
    } else if number == fact!(nr_io_uring_enter) {
        Some(Via::IoUring)
    } else {
        None
    }
}
