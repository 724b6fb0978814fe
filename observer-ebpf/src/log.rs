//! Log records of the hooks themselves, by aya-log: what only the kernel side can know.
//!
//! User space sets the level before the programs are loaded. With the level off the verifier knows
//! that no record is written, and removes the code.

use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use aya_log_ebpf::macro_support::{Level, level_enabled};
use observer_common::{EventKind, TrackedSocket};

use crate::clock::now_ns;
use crate::counters::count;

/// Most records of one subject a second.
const PER_SECOND: u64 = 5;
const SECOND_NS: u64 = 1_000_000_000;

/// Records of one subject that may still be written.
#[repr(C)]
#[derive(Clone, Copy)]
struct Budget {
    since_ns: u64,
    left: u64,
}

/// By [`Subject`].
#[map]
static LOG_BUDGETS: Array<Budget> = Array::with_max_entries(Subject::COUNT, 0);

/// True where records are wanted; for the verifier, which knows the global, a constant.
#[inline(always)]
pub(crate) fn is_on() -> bool {
    level_enabled(Level::Debug)
}

/// Takes one record from the budget of its subject. Processors that race may write a few more.
#[inline(always)]
fn take(subject: Subject) -> bool {
    let Some(budget) = LOG_BUDGETS.get_ptr_mut(subject as u32) else {
        return false;
    };
    let now = now_ns();
    // SAFETY: the kernel keeps an array's memory.
    unsafe {
        if now.wrapping_sub((*budget).since_ns) >= SECOND_NS {
            (*budget).since_ns = now;
            (*budget).left = PER_SECOND;
        }
        if (*budget).left == 0 {
            count(|counters| counters.logs_suppressed += 1);
            return false;
        }
        (*budget).left -= 1;
    }
    true
}

/// Generates a subject and its function, which costs nothing where records are not wanted.
macro_rules! subjects {
    ($($subject:ident: $(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*), $text:tt;)+) => {
        /// Subject of a record; each has a budget of its own.
        #[derive(Clone, Copy)]
        #[repr(u32)]
        enum Subject {
            $($subject,)+
        }

        impl Subject {
            const COUNT: u32 = [$(Self::$subject),+].len() as u32;
        }

        $(
            $(#[$doc])*
            #[inline(always)]
            pub(crate) fn $name($($arg: $type),*) {
                // A subprogram: formatting has a stack of its own, and hooks stay as they are.
                #[inline(never)]
                fn write($($arg: $type),*) {
                    if take(Subject::$subject) {
                        aya_log_ebpf::debug!((), target: "hooks", $text $(, $arg)*);
                    }
                }
                if is_on() {
                    write($($arg),*);
                }
            }
        )+
    };
}

subjects! {
    Untracked:
        /// Socket that is not tracked, for want of room.
        untracked(cookie: u64, netns: u32, local_port: u16, remote_port: u16),
        "a tracked socket did not fit: cookie {}, netns {}, local port {}, remote port {}";
    Listener:
        /// Place of a listening socket that did not fit: options inherited there stay unknown.
        untracked_listener(netns: u32, local_port: u16),
        "a listening socket did not fit: netns {}, port {}";
    EventLost:
        /// Event that did not fit into the ring buffer.
        lost(kind: u8, cookie: u64),
        "an event was lost: kind {}, cookie {}";
    Replaced:
        /// Socket at an address where another one is remembered, whose end was not seen.
        replaced(cookie: u64, before: u64),
        "a socket is where another one is remembered: cookie {}, before {}";
    TimerFunction:
        /// Keepalive timer that calls another function than those of the sockets before.
        timer_function(cookie: u64),
        "a keepalive timer calls another function than before: cookie {}";
    Unreadable:
        /// Socket whose memory cannot be read at its address.
        unreadable(size: u32),
        "a socket cannot be read at its address: {} bytes";
    NotTcp:
        /// Socket of the protocol TCP that the kernel does not take for one.
        not_tcp(state: u8),
        "a socket of the protocol TCP is no tcp_sock: state {}";
    UnknownState:
        /// State that observer does not know.
        unknown_state(from: u8, to: u8),
        "a socket goes to a state that is not known: {} to {}";
    Unpaired:
        /// Return from setsockopt of which the call was not seen.
        unpaired(option: u8),
        "setsockopt returns, and its call was not seen: option {}";
}

/// Logs a socket that is not tracked.
#[inline(always)]
pub(crate) fn not_tracked(socket: &TrackedSocket) {
    untracked(
        socket.cookie,
        socket.netns,
        socket.local_port,
        u16::from_be(socket.remote_port_be),
    );
}

/// Logs a place of a listening socket that is not tracked.
#[inline(always)]
pub(crate) fn listener_not_tracked(listener: &TrackedSocket) {
    untracked_listener(listener.netns, listener.local_port);
}

/// Logs an event that was lost.
#[inline(always)]
pub(crate) fn event_lost(kind: EventKind, cookie: u64) {
    lost(kind as u8, cookie);
}
