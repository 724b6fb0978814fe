//! setsockopt through io_uring, by its bare system calls.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use super::setting::Opt;

const IORING_OP_URING_CMD: u8 = 46;
const SOCKET_URING_OP_SETSOCKOPT: u32 = 3;
const IORING_ENTER_GETEVENTS: u32 = 1;
const IORING_OFF_SQES: i64 = 0x1000_0000;
const ENTRIES: u32 = 4;
const SQE_SIZE: usize = 64;

/// `struct io_uring_params`, of which these words are used.
struct Params([u32; 30]);

impl Params {
    // `sq_off` begins at word 10, `cq_off` at word 20.
    const SQ_TAIL: usize = 11;
    const SQ_ARRAY: usize = 16;
    const CQ_HEAD: usize = 20;
    const CQ_TAIL: usize = 21;
    const CQ_CQES: usize = 25;

    fn offset(&self, word: usize) -> usize {
        usize::try_from(self.0[word]).unwrap()
    }
}

/// A mapping of the ring's, unmapped when dropped.
struct Mapped {
    at: *mut u8,
    len: usize,
}

impl Mapped {
    fn new(ring: &OwnedFd, len: usize, offset: i64) -> Self {
        // SAFETY: a new mapping, of a descriptor that is a ring.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_POPULATE,
                ring.as_raw_fd(),
                offset,
            )
        };
        assert_ne!(at, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        let at = at.cast();
        Self { at, len }
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset + 4 <= self.len && offset.is_multiple_of(4));
        // SAFETY: inside of the mapping and aligned; the kernel uses it as an atomic too.
        unsafe { AtomicU32::from_ptr(self.at.add(offset).cast()) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing refers to it any more.
        unsafe { libc::munmap(self.at.cast(), self.len) };
    }
}

/// Sets an option to a right value: EINVAL then means that the kernel cannot. `Ok` has what
/// setsockopt would return, as a negative errno where it failed; `Err` says why it cannot be tried.
pub fn set(fd: BorrowedFd<'_>, option: Opt, value: i32) -> Result<i32, String> {
    let mut params = Params([0; 30]);
    // SAFETY: the kernel writes no more than the 120 bytes of the parameters.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, ENTRIES, params.0.as_mut_ptr()) };
    if ring < 0 {
        let error = std::io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::ENOSYS | libc::EPERM) => Err(format!("io_uring_setup: {error}")),
            _ => panic!("io_uring_setup: {error}"),
        };
    }
    // SAFETY: the call has just made this descriptor.
    let ring = unsafe { OwnedFd::from_raw_fd(i32::try_from(ring).unwrap()) };
    let sq_len = params.offset(Params::SQ_ARRAY) + 4 * params.offset(0);
    let cq_len = params.offset(Params::CQ_CQES) + 16 * params.offset(1);
    let rings = Mapped::new(&ring, sq_len.max(cq_len), 0);
    let entries = Mapped::new(&ring, SQE_SIZE * params.offset(0), IORING_OFF_SQES);

    let value = Box::new(value);
    let address = (&raw const *value).addr();
    let halves = |n: usize| {
        let n = u64::try_from(n).unwrap();
        let low = u32::try_from(n & 0xffff_ffff).unwrap();
        (low, u32::try_from(n >> 32).unwrap())
    };
    let (low, high) = halves(address);
    // The words of `struct io_uring_sqe`: opcode, fd, cmd_op, -, level, optname, len, flags,
    // user_data (2), buf_index, optlen, optval (2), - (2).
    let entry = [
        u32::from(IORING_OP_URING_CMD),
        u32::try_from(fd.as_raw_fd()).unwrap(),
        SOCKET_URING_OP_SETSOCKOPT,
        0,
        u32::try_from(option.level).unwrap(),
        u32::try_from(option.number).unwrap(),
        0,
        0,
        7,
        0,
        0,
        4,
        low,
        high,
        0,
        0,
    ];
    for (i, word) in entry.into_iter().enumerate() {
        entries.word(4 * i).store(word, Ordering::Relaxed);
    }
    rings
        .word(params.offset(Params::SQ_ARRAY))
        .store(0, Ordering::Relaxed);
    rings
        .word(params.offset(Params::SQ_TAIL))
        .store(1, Ordering::Release);
    // SAFETY: what the entry refers to lives until the ring has answered.
    let entered = unsafe {
        libc::syscall(
            libc::SYS_io_uring_enter,
            ring.as_raw_fd(),
            1,
            1,
            IORING_ENTER_GETEVENTS,
            std::ptr::null::<u8>(),
            0,
        )
    };
    assert_eq!(entered, 1, "{}", std::io::Error::last_os_error());
    let (head, tail) = (Params::CQ_HEAD, Params::CQ_TAIL);
    let head = rings.word(params.offset(head)).load(Ordering::Acquire);
    let tail = rings.word(params.offset(tail)).load(Ordering::Acquire);
    assert_eq!((head, tail), (0, 1), "one answer");
    // `struct io_uring_cqe`: user_data (2 words), res, flags.
    let result = rings
        .word(params.offset(Params::CQ_CQES) + 8)
        .load(Ordering::Relaxed)
        .cast_signed();
    drop(value);
    // Before 6.7 sockets have no such command; before 5.19 no socket has any.
    if result == -libc::EOPNOTSUPP || result == -libc::EINVAL {
        let error = std::io::Error::from_raw_os_error(-result);
        return Err(format!("IORING_OP_URING_CMD: {error}"));
    }
    Ok(result)
}
