//! Attaches programs to tracepoints of system calls by their numbers.
//!
//! aya looks a number up below `/sys/kernel/tracing` and nowhere else; observer may have a tracefs
//! that is mounted at no path.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use aya::programs::{ProgramError, TracePoint};
use rustix::ioctl::{self, IntegerSetter, NoArg, opcode};

use crate::host::tracefs::Tracefs;

/// `PERF_TYPE_TRACEPOINT`
const TYPE_TRACEPOINT: u32 = 2;
/// `PERF_SAMPLE_RAW`
const SAMPLE_RAW: u64 = 1 << 10;
/// `PERF_FLAG_FD_CLOEXEC`
const FD_CLOEXEC: libc::c_ulong = 1 << 3;

const SET_BPF: ioctl::Opcode = opcode::write::<u32>(b'$', 8);
const ENABLE: ioctl::Opcode = opcode::none(b'$', 0);

/// First version of `struct perf_event_attr` (`PERF_ATTR_SIZE_VER0`), which every kernel takes.
#[repr(C)]
#[derive(Debug, Default)]
struct PerfEventAttr {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    config1: u64,
}

const _: () = assert!(size_of::<PerfEventAttr>() == 64);

/// Attachments to tracepoints, by the name of the program; each lasts as long as its descriptor.
#[derive(Debug, Default)]
pub(super) struct Tracepoints {
    tracefs: Option<Tracefs>,
    attached: HashMap<&'static str, OwnedFd>,
}

impl Tracepoints {
    /// Attaches a loaded program to a tracepoint of the category `syscalls`.
    pub(super) fn attach(
        &mut self,
        name: &'static str,
        program: &TracePoint,
        tracepoint: &str,
    ) -> Result<(), ProgramError> {
        let id = self.tracepoint_id(tracepoint)?;
        let event = open_event(id)?;
        set_program(&event, program.fd()?.as_fd())?;
        self.attached.insert(name, event);
        Ok(())
    }

    pub(super) fn detach(&mut self, name: &str) {
        self.attached.remove(name);
    }

    /// Gives the descriptor of tracefs back once everything is attached.
    pub(super) fn close_tracefs(&mut self) {
        self.tracefs = None;
    }

    fn tracepoint_id(&mut self, tracepoint: &str) -> io::Result<u64> {
        let tracefs = match self.tracefs.take() {
            Some(tracefs) => tracefs,
            None => Tracefs::open()?,
        };
        let id = tracefs.tracepoint_id("syscalls", tracepoint)?;
        self.tracefs = Some(tracefs);
        Ok(id)
    }
}

/// An event of one processor: a program on it runs on all of them.
fn open_event(id: u64) -> io::Result<OwnedFd> {
    let attr = PerfEventAttr {
        kind: TYPE_TRACEPOINT,
        size: 64,
        config: id,
        sample_type: SAMPLE_RAW,
        wakeup_events: 1,
        ..PerfEventAttr::default()
    };
    let (every_process, processor, no_group) = (-1, 0, -1);
    // SAFETY: the kernel reads `size` bytes of `attr`, which outlives the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attr,
            every_process,
            processor,
            no_group,
            FD_CLOEXEC,
        )
    };
    match libc::c_int::try_from(fd) {
        // SAFETY: a new descriptor, which nobody else knows.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set_program(event: &OwnedFd, program: BorrowedFd<'_>) -> io::Result<()> {
    let number = usize::try_from(program.as_raw_fd()).map_err(io::Error::other)?;
    // SAFETY: the request takes the number of a descriptor as its argument.
    unsafe { ioctl::ioctl(event, IntegerSetter::<SET_BPF>::new_usize(number)) }?;
    // SAFETY: the request takes no argument.
    unsafe { ioctl::ioctl(event, NoArg::<ENABLE>::new()) }?;
    Ok(())
}
