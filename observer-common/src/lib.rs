//! Wire records shared by observer's kernel side and user side.
//!
//! Everything here is `repr(C)` without implicit padding, its size asserted at compile time, and
//! in the byte order of the host.
#![no_std]

pub mod counters;
pub mod event;
pub mod hook;
pub mod layout;
mod numbered;
pub mod option;
pub mod socket;
pub mod summary;
pub mod tracked_socket;

pub use counters::Counters;
pub use event::{EventKind, EventRecord};
pub use hook::AttachMode;
pub use layout::{Field, Layout};
pub use option::{KeepaliveOption, Via};
pub use socket::{Pass, RecordKind, ScanMode, SocketRecord, TableRecord, TrackedSocketRecord};
pub use tracked_socket::{Side, TrackedSocket};

/// Implements aya's `Pod` on the user side.
macro_rules! pod {
    ($($type:ty),*) => {
        $(
            // SAFETY: repr(C), no padding (size asserted beside the type), valid for any bytes.
            #[cfg(feature = "user")]
            unsafe impl aya::Pod for $type {}
        )*
    };
}

pod!(
    Layout,
    ScanMode,
    TrackedSocket,
    Counters,
    hook::HookFacts,
    hook::Switch,
    summary::SummarySettings,
    summary::PrefixLimits,
    summary::LocalAddress,
    summary::WorkloadCount,
    summary::NetnsCount,
    summary::Tally
);
