//! Network namespaces without a name: they are gone with the last process in them.

use std::{
    fs::{self, File},
    os::fd::{AsFd as _, AsRawFd as _},
    process::Command,
};

use anyhow::{Context as _, Result};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use crate::env;

/// The calling thread's own.
const THIS: &str = "/proc/thread-self/ns/net";

/// A network namespace, and the one to come back to.
pub(super) struct Netns {
    there: File,
    home: File,
}

impl Netns {
    /// A new namespace; the calling thread stays where it is.
    pub(super) fn new() -> Result<Self> {
        let open = || File::open(THIS).with_context(|| format!("cannot open {THIS}"));
        let home = open()?;
        // SAFETY: NEWNET unshares no file descriptors or memory that safe code relies on.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
            .context("cannot make a network namespace: run this as root")?;
        let there = open();
        go(&home)?;
        Ok(Self {
            there: there?,
            home,
        })
    }

    /// Runs `work` there. Processes that it starts stay there.
    pub(super) fn inside<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        go(&self.there)?;
        let done = work();
        go(&self.home)?;
        done
    }

    /// Its path for `ip`, as long as this process runs.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.there.as_raw_fd())
    }

    /// Runs iproute2 there, once a line.
    pub(super) fn ip(&self, lines: &[&str]) -> Result<()> {
        self.inside(|| {
            for line in lines {
                env::output(Command::new("ip").args(line.split_whitespace()))?;
            }
            Ok(())
        })
    }

    /// Sets a sysctl of this namespace, such as `net/ipv4/ip_forward`.
    pub(super) fn sysctl(&self, name: &str, value: impl ToString) -> Result<()> {
        let file = format!("/proc/sys/{name}");
        self.inside(|| {
            fs::write(&file, value.to_string()).with_context(|| format!("cannot write {file}"))
        })
    }
}

fn go(to: &File) -> Result<()> {
    move_into_link_name_space(to.as_fd(), Some(LinkNameSpaceType::Network))
        .context("cannot enter a network namespace")
}

/// One end of a cable.
pub(super) struct End<'a> {
    pub(super) netns: &'a Netns,
    pub(super) device: &'a str,
    pub(super) address: &'a str,
    pub(super) mac: &'a str,
}

/// Joins two namespaces by a veth pair. The neighbours are known for good: no ARP is in the silence.
pub(super) fn join(near: &End<'_>, far: &End<'_>) -> Result<()> {
    near.netns.ip(&[&format!(
        "link add name {} address {} type veth peer name {} address {} netns {}",
        near.device,
        near.mac,
        far.device,
        far.mac,
        far.netns.path(),
    )])?;
    for (here, there) in [(near, far), (far, near)] {
        let (device, peer) = (here.device, there.address);
        here.netns.ip(&[
            &format!("address add {} peer {peer} dev {device}", here.address),
            &format!("link set dev {device} up"),
            &format!(
                "neighbour replace {peer} lladdr {} dev {device} nud permanent",
                there.mac
            ),
        ])?;
    }
    Ok(())
}
