//! Two network namespaces joined by a cable. They have no names, so that nothing of them is left
//! however this process ends.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    net::Ipv4Addr,
    os::fd::AsFd as _,
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use crate::env;

pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 1);
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 2);

/// A namespace that a process of its own holds, which ends with this one.
pub(super) struct Netns(Child);

const READY: &str = "ready";

impl Netns {
    fn new() -> Result<Self> {
        let xtask = std::env::current_exe().context("where is xtask's own program?")?;
        let child = Command::new(xtask)
            .args(["soak", "netns"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a process for a network namespace")?;
        let mut netns = Self(child);
        let stdout = netns.0.stdout.as_mut().context("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.trim_end() != READY {
            bail!("a network namespace cannot be made here");
        }
        Ok(netns)
    }

    /// The file to enter it by.
    pub(super) fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }

    /// Does something inside, on a thread of its own.
    pub(super) fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                enter(&self.path())?;
                work()
            });
            inside
                .join()
                .map_err(|_| anyhow!("panicked in a namespace"))?
        })
    }

    fn ip(&self, words: &str) -> Result<()> {
        self.enter(|| env::run(Command::new("ip").args(words.split(' '))))
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _status = self.0.wait();
    }
}

/// What this thread makes from here on is in that namespace.
pub(super) fn enter(path: &str) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {path}"))?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        .with_context(|| format!("cannot enter {path}"))
}

/// This thread gets a network namespace of its own, where only loopback is.
pub(super) fn unshare() -> Result<()> {
    // SAFETY: a new network namespace takes nothing from this process that others rely on.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }
        .context("cannot make a network namespace")?;
    set_loopback_up()
}

/// Does what `ip link set lo up` does, without a process.
fn set_loopback_up() -> Result<()> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: an ifreq of zeros is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *to = libc::c_char::try_from(*from)?;
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP)?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
    // SAFETY: the request is valid, and the kernel only reads it.
    if unsafe { libc::ioctl(fd, libc::SIOCSIFFLAGS, &raw const request) } != 0 {
        let error = std::io::Error::last_os_error();
        return Err(error).context("cannot set loopback up");
    }
    Ok(())
}

/// The work of a process that holds a namespace: until its stdin closes.
pub(super) fn hold() -> Result<()> {
    unshare()?;
    println!("{READY}");
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest)?;
    Ok(())
}

pub(super) struct Cable {
    pub(super) near: Netns,
    pub(super) far: Netns,
}

impl Cable {
    pub(super) fn lay() -> Result<Self> {
        let (near, far) = (Netns::new()?, Netns::new()?);
        let far_pid = far.0.id();
        near.ip(&format!(
            "link add name near type veth peer name far netns {far_pid}"
        ))?;
        for (netns, device, address) in [(&near, "near", CLIENT), (&far, "far", SERVER)] {
            netns.ip(&format!("address add {address}/24 dev {device}"))?;
            netns.ip(&format!("link set dev {device} up"))?;
        }
        Ok(Self { near, far })
    }
}
