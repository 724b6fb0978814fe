//! Runs of hook programs that the kernel left out.
//!
//! A program does not run on a processor where it is under way already. Since kernels preempt tasks
//! inside a program (`CONFIG_PREEMPT`, and lazily from 6.13), that is no rare thing: all that the
//! next task does until the first one goes on is missed. The kernel counts it for each program
//! (`bpf_prog_info.recursion_misses`, Linux 5.12 and later).

use std::io;
use std::mem::offset_of;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// `BPF_OBJ_GET_INFO_BY_FD` of `enum bpf_cmd`.
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;

/// `bpf_attr.info`.
#[repr(C)]
struct InfoRequest {
    fd: u32,
    len: u32,
    info: u64,
}

/// `bpf_prog_info`, as far as the field that is read.
#[repr(C, align(8))]
struct ProgramInfo {
    before: [u8; 208],
    recursion_misses: u64,
}

const _: () = assert!(offset_of!(ProgramInfo, recursion_misses) == 208);

/// Number of runs of a program that the kernel left out; `None` where it does not count them.
pub(super) fn runs(program: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let mut info = ProgramInfo {
        before: [0; 208],
        recursion_misses: 0,
    };
    let mut request = InfoRequest {
        fd: u32::try_from(program.as_raw_fd()).map_err(io::Error::other)?,
        len: u32::try_from(size_of::<ProgramInfo>()).map_err(io::Error::other)?,
        info: (&raw mut info) as u64,
    };
    // SAFETY: the kernel reads and writes `request`, and `len` bytes of `info`; both outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            OBJ_GET_INFO_BY_FD,
            &raw mut request,
            size_of::<InfoRequest>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // It says how much it wrote.
    let is_told = request.len as usize >= size_of::<ProgramInfo>();
    Ok(is_told.then_some(info.recursion_misses))
}
