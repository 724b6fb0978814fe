//! Network namespaces without a name, and cables between them: they are gone with the last process
//! in them, however it ends.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, UdpSocket},
    os::fd::{AsFd as _, AsRawFd as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use xtask::env;

/// The calling thread's own.
const THIS: &str = "/proc/thread-self/ns/net";

/// A network namespace, and the one to come back to.
pub(crate) struct Netns {
    there: File,
    home: File,
}

impl Netns {
    /// A new namespace, in which only loopback is, and up; the calling thread stays where it is.
    pub(crate) fn new() -> Result<Self> {
        let open = || File::open(THIS).with_context(|| format!("cannot open {THIS}"));
        let home = open()?;
        let made = unshare();
        let there = open();
        go(&home)?;
        made?;
        Ok(Self {
            there: there?,
            home,
        })
    }

    /// Runs `work` there. Processes and sockets that it makes stay there.
    pub(crate) fn inside<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        go(&self.there)?;
        let done = work();
        go(&self.home)?;
        done
    }

    /// The file by which other processes enter it, as long as this one runs.
    pub(crate) fn path(&self) -> PathBuf {
        let fd = self.there.as_raw_fd();
        PathBuf::from(format!("/proc/{}/fd/{fd}", std::process::id()))
    }

    /// Runs iproute2 there.
    pub(crate) fn ip(&self, words: &str) -> Result<()> {
        self.inside(|| env::output(Command::new("ip").args(words.split_whitespace())))?;
        Ok(())
    }

    /// Sets a sysctl of this namespace, such as `net/ipv4/ip_forward`.
    pub(crate) fn sysctl(&self, name: &str, value: impl ToString) -> Result<()> {
        let file = format!("/proc/sys/{name}");
        self.inside(|| {
            fs::write(&file, value.to_string()).with_context(|| format!("cannot write {file}"))
        })
    }
}

/// Gives the calling thread a network namespace of its own, in which only loopback is, and up.
pub(crate) fn unshare() -> Result<()> {
    // SAFETY: NEWNET unshares no file descriptors or memory that safe code relies on.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
        .context("cannot make a network namespace: run this as root")?;
    set_loopback_up()
}

/// Does what `ip link set lo up` does, without a process.
fn set_loopback_up() -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: an ifreq of zeros is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *to = libc::c_char::try_from(*from)?;
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP)?;
    // SAFETY: the request is valid, and the kernel only reads it.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) } != 0 {
        return Err(std::io::Error::last_os_error()).context("cannot set loopback up");
    }
    Ok(())
}

/// Moves the calling thread into that namespace, where all that it makes from here on is.
pub(crate) fn enter(file: &Path) -> Result<()> {
    let name = file.display();
    let file = File::open(file).with_context(|| format!("cannot open {name}"))?;
    go(&file)
}

fn go(to: &File) -> Result<()> {
    move_into_link_name_space(to.as_fd(), Some(LinkNameSpaceType::Network))
        .context("cannot enter a network namespace")
}

/// One end of a cable.
pub(crate) struct End<'a> {
    pub(crate) netns: &'a Netns,
    pub(crate) device: &'a str,
    pub(crate) address: &'a str,
    pub(crate) mac: &'a str,
}

/// Joins two namespaces by a veth pair. The neighbours are known for good: no ARP is in the silence.
pub(crate) fn join(near: &End<'_>, far: &End<'_>) -> Result<()> {
    near.netns.ip(&format!(
        "link add name {} address {} type veth peer name {} address {} netns {}",
        near.device,
        near.mac,
        far.device,
        far.mac,
        far.netns.path().display(),
    ))?;
    for (here, there) in [(near, far), (far, near)] {
        let (device, peer) = (here.device, there.address);
        let netns = here.netns;
        netns.ip(&format!(
            "address add {} peer {peer} dev {device}",
            here.address
        ))?;
        netns.ip(&format!("link set dev {device} up"))?;
        netns.ip(&format!(
            "neighbour replace {peer} lladdr {} dev {device} nud permanent",
            there.mac
        ))?;
    }
    Ok(())
}

/// Two namespaces that are joined.
pub(crate) struct Cable {
    pub(crate) near: Netns,
    pub(crate) far: Netns,
}

impl Cable {
    /// With these addresses.
    pub(crate) fn lay(near_address: Ipv4Addr, far_address: Ipv4Addr) -> Result<Self> {
        let [near_address, far_address] = [near_address, far_address].map(|it| it.to_string());
        let cable = Self {
            near: Netns::new()?,
            far: Netns::new()?,
        };
        let near = End {
            netns: &cable.near,
            device: "near",
            address: &near_address,
            mac: "02:00:00:00:00:01",
        };
        let far = End {
            netns: &cable.far,
            device: "far",
            address: &far_address,
            mac: "02:00:00:00:00:02",
        };
        join(&near, &far)?;
        Ok(cable)
    }
}
