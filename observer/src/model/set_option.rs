//! Keepalive options that programs set.

pub use observer_common::{KeepaliveOption, Via};

/// An option set, or the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetOption {
    /// Option that was set.
    pub option: KeepaliveOption,
    /// Value that the program passed; `None` where it passed less than an int or an address that cannot
    /// be read.
    pub asked: Option<i32>,
    /// Value that the kernel holds afterwards, in the option's own unit.
    pub value: Option<u32>,
    /// `errno` of the call, 0 on success.
    pub errno: u16,
    /// Means by which it was set; `None` where that cannot be told.
    pub via: Option<Via>,
}
