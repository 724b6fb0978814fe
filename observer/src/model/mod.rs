//! Sockets as observer knows them, whoever found it out. Types and the kernel's own arithmetic;
//! nothing here touches the host.

pub mod alert_tallies;
pub mod cgroup;
pub mod event;
pub mod idle;
pub mod keepalive;
pub mod owner;
pub mod past;
pub mod scan;
pub mod set_option;
pub mod socket;
pub mod state;
pub mod tallies;
#[cfg(test)]
pub(crate) mod testing;
pub mod timer;

pub use alert_tallies::{AlertTallies, SinkTally};
pub use cgroup::{Cgroup, Container};
pub use event::{Cause, Event, EventDetail, EventKind, Side};
pub use idle::{Direction, Idle};
pub use keepalive::{Keepalive, Setting, SettingFrom};
pub use owner::{Comm, Owner, Process};
pub use past::{LastSet, Past};
pub use set_option::{KeepaliveOption, SetOption, Via};
pub use socket::{Family, Socket};
pub use state::{State, StateSet};
pub use tallies::{Counters, EndsByCause, HookTallies, HookTally};
pub use timer::{Timer, TimerKind};
