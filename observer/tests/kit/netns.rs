//! A network namespace of the test's own, held by a child process.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Gone when dropped.
#[derive(Debug)]
pub struct TestNetns {
    holder: Child,
}

impl TestNetns {
    /// Makes it, with loopback up.
    pub fn new() -> Self {
        let mut command = Command::new("sleep");
        command.arg("120").stdin(Stdio::null());
        // SAFETY: unshare(2) is async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                if libc::unshare(libc::CLONE_NEWNET) == 0 {
                    Ok(())
                } else {
                    Err(std::io::Error::last_os_error())
                }
            });
        }
        let netns = Self {
            holder: command.spawn().expect("a network namespace of its own"),
        };
        netns.enter(|| set_loopback(true));
        netns
    }

    /// The child's process id.
    pub fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// Its inode number, by which scans name it.
    pub fn inode(&self) -> u32 {
        let link = std::fs::read_link(format!("/proc/{}/ns/net", self.pid())).unwrap();
        let number = link
            .to_str()
            .unwrap()
            .trim_matches(|c: char| !c.is_ascii_digit());
        number.parse().unwrap()
    }

    /// Runs `work` inside, on a thread of its own.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/proc/{}/ns/net", self.holder.id());
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                let handle = std::fs::File::open(path).unwrap();
                move_into_link_name_space(
                    std::os::fd::AsFd::as_fd(&handle),
                    Some(LinkNameSpaceType::Network),
                )
                .unwrap();
                work()
            });
            inside.join().unwrap()
        })
    }
}

impl Drop for TestNetns {
    fn drop(&mut self) {
        let _gone = self.holder.kill();
        let _gone = self.holder.wait();
    }
}

/// Sets loopback up or down in the namespace of the calling thread. Down, it drops every packet.
pub fn set_loopback(up: bool) {
    // SAFETY: an ifreq of zeros is valid; the socket is closed again.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        assert!(socket >= 0);
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = *from as libc::c_char;
        }
        // IFF_UP is 1.
        request.ifr_ifru.ifru_flags = if up { 1 } else { 0 };
        let set = libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request);
        let error = std::io::Error::last_os_error();
        libc::close(socket);
        assert_eq!(set, 0, "{error}");
    }
}

/// Sets a sysctl of the calling thread's namespace.
pub fn set_sysctl(name: &str, value: u32) {
    std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value.to_string()).unwrap();
}
