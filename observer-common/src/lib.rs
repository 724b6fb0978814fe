//! Wire records shared by observer's kernel side and user side.
//!
//! Everything here is `repr(C)` without implicit padding, its size asserted at compile time, and
//! in the byte order of the host.
#![no_std]

pub mod event;
pub mod hook;
pub mod layout;
pub mod note;
pub mod socket;
pub mod summary;

pub use event::EventRecord;
pub use layout::{Field, Layout};
pub use note::Note;
pub use socket::{NoteRecord, Pass, RecordKind, ScanMode, SocketRecord, TableRecord};

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
    Note,
    note::Counters,
    hook::HookFacts,
    hook::Switch,
    summary::SummarySettings,
    summary::PrefixLimits,
    summary::LocalAddress,
    summary::WorkloadCount,
    summary::NetnsCount,
    summary::Tally
);
