//! Addresses and times that the load, the agent and the bounds share.

use std::{net::Ipv4Addr, time::Duration};

/// Address of the near end of the cable.
pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 1);
/// Address of the far end.
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 2);
/// Time between two sweeps of the agent.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
