//! Connections that silence endangers: between two network namespaces that a cable joins.

use std::{net::Ipv4Addr, path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    bench::holders::{HoldArgs, Holders},
    env,
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
        let cable = Cable::lay()?;
        let args = HoldArgs {
            client_netns: Some(netns_file(&cable.near)),
            server_netns: Some(netns_file(&cable.far)),
            ..HoldArgs::new(connections, SERVER)
        };
        Ok(Self {
            _holders: Holders::start_all(&[args])?,
            _cable: cable,
        })
    }
}

fn netns_file(name: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(name)
}

struct Cable {
    near: String,
    far: String,
}

impl Cable {
    fn lay() -> Result<Self> {
        let name = |end| format!("observer-bench-{}-{end}", std::process::id());
        let cable = Self {
            near: name("near"),
            far: name("far"),
        };
        let Self { near, far } = &cable;
        ip(&format!("netns add {near}"))?;
        ip(&format!("netns add {far}"))?;
        ip(&format!(
            "-n {near} link add name near type veth peer name far netns {far}"
        ))?;
        for (netns, device, address) in [(near, "near", CLIENT), (far, "far", SERVER)] {
            ip(&format!("-n {netns} address add {address}/24 dev {device}"))?;
            ip(&format!("-n {netns} link set dev {device} up"))?;
        }
        Ok(cable)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for netns in [&self.near, &self.far] {
            let _gone = ip(&format!("netns del {netns}"));
        }
    }
}

fn ip(words: &str) -> Result<()> {
    env::run(Command::new("ip").args(words.split(' ')))
}
