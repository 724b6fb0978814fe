//! Connections that silence endangers: between two network namespaces that a cable joins.

use std::net::Ipv4Addr;

use anyhow::Result;

use crate::{
    bench::holders::{HoldArgs, Holders},
    netns::Cable,
};

/// Connections of which both ends come into danger by their silence.
pub(super) struct Danger {
    _holders: Holders,
    _cable: Cable,
}

/// The limit to judge by, and the flag that sets it: at risk after half of it.
pub(super) const PATH_FLAG: [&str; 2] = ["--path", "40s"];

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);

impl Danger {
    pub(super) fn start(connections: usize) -> Result<Self> {
        let cable = Cable::lay(CLIENT, SERVER)?;
        let args = HoldArgs {
            client_netns: Some(cable.near.path()),
            server_netns: Some(cable.far.path()),
            ..HoldArgs::new(connections, SERVER)
        };
        Ok(Self {
            _holders: Holders::start_all(&[args])?,
            _cable: cable,
        })
    }
}
