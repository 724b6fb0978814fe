//! Network namespaces of this host: which there are, and work done inside each.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{mount, process};

/// A network namespace, held open: it cannot vanish while this value lives.
#[derive(Debug)]
pub struct Netns {
    /// Inode number of its file, `net.ns.inum`: its name for users, such as in `lsns`.
    pub inode: u32,
    /// `true` for the namespace of this process itself.
    pub is_own: bool,
    /// A process in it; `None` where only a mount keeps it.
    pub pid: Option<u32>,
    handle: OwnedFd,
}

/// Result of [`enumerate`].
#[derive(Debug, Default)]
pub struct Namespaces {
    /// Each namespace once, our own first.
    pub found: Vec<Netns>,
    /// Processes whose namespace this user may not read.
    pub denied: usize,
}

/// Finds the namespaces of all processes and those that a mount keeps alive (`ip netns add`,
/// container runtimes). What vanishes meanwhile is left out. A namespace that only a socket, an
/// open file or a thread other than a process's first still refers to is not found.
#[must_use]
pub fn enumerate() -> Namespaces {
    let mut namespaces = Namespaces::default();
    let mut seen = HashSet::new();
    let own = open("/proc/self/ns/net");
    if let Ok((inode, handle)) = own {
        seen.insert(inode);
        namespaces.found.push(Netns {
            inode,
            is_own: true,
            pid: Some(std::process::id()),
            handle,
        });
    }
    for pid in process::pids().unwrap_or_default() {
        let path = format!("/proc/{pid}/ns/net");
        let inode = match std::fs::read_link(&path) {
            Ok(target) => target.to_str().and_then(parse_link),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
            Err(_) => continue,
        };
        // Linux 5.10 answers with an empty link instead of an error.
        let Some(inode) = inode else {
            namespaces.denied += 1;
            continue;
        };
        if seen.contains(&inode) {
            continue;
        }
        if let Ok((inode, handle)) = open(&path)
            && seen.insert(inode)
        {
            namespaces.found.push(Netns {
                inode,
                is_own: false,
                pid: Some(pid),
                handle,
            });
        }
    }
    for mount in mount::mounts() {
        let Some(named) = (mount.fs == "nsfs")
            .then(|| parse_link(&mount.root))
            .flatten()
        else {
            continue;
        };
        // Another mount may hide this one: take it only if it is what its line says.
        if !seen.contains(&named)
            && let Ok((inode, handle)) = open(&mount.point)
            && inode == named
            && seen.insert(inode)
        {
            namespaces.found.push(Netns {
                inode,
                is_own: false,
                pid: None,
                handle,
            });
        }
    }
    namespaces
}

/// The namespace with this inode number, tried first at the processes that are likely in it.
#[must_use]
pub fn find(inode: u32, pids: impl IntoIterator<Item = u32>) -> Option<Netns> {
    let own = open("/proc/self/ns/net").ok().map(|(inode, _)| inode);
    for pid in pids {
        if let Ok((found, handle)) = open(format!("/proc/{pid}/ns/net"))
            && found == inode
        {
            return Some(Netns {
                inode,
                is_own: own == Some(inode),
                pid: Some(pid),
                handle,
            });
        }
    }
    let mut all = enumerate().found;
    let at = all.iter().position(|netns| netns.inode == inode)?;
    Some(all.swap_remove(at))
}

/// Runs `work` inside each namespace, one after the other, on a thread of its own: the caller's
/// namespace never changes. Results are in the order of `namespaces`. An ordinary user gets his
/// own namespace and an error for each other one.
///
/// # Errors
/// A namespace that cannot be entered (`EPERM` without `CAP_SYS_ADMIN`) has its error in its
/// place; the others are visited all the same.
pub fn visit<T: Send>(
    namespaces: &[Netns],
    work: impl Fn(&Netns) -> T + Sync,
) -> Vec<io::Result<T>> {
    let visit_all = || {
        let mut inside = namespaces.iter().find(|n| n.is_own).map(|n| n.inode);
        namespaces
            .iter()
            .map(|netns| {
                if inside != Some(netns.inode) {
                    move_into_link_name_space(
                        netns.handle.as_fd(),
                        Some(LinkNameSpaceType::Network),
                    )?;
                    inside = Some(netns.inode);
                }
                Ok(work(netns))
            })
            .collect()
    };
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().name("netns".into());
        match worker.spawn_scoped(scope, visit_all) {
            Ok(handle) => handle
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => namespaces
                .iter()
                .map(|_| Err(io::Error::new(error.kind(), error.to_string())))
                .collect(),
        }
    })
}

fn open(path: impl AsRef<std::path::Path>) -> io::Result<(u32, OwnedFd)> {
    let file = File::open(path)?;
    let inode = u32::try_from(file.metadata()?.ino()).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok((inode, file.into()))
}

/// The inode number in `net:[4026531840]`.
pub(crate) fn parse_link(link: &str) -> Option<u32> {
    link.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_the_inode() {
        assert_eq!(parse_link("net:[4026531840]"), Some(4_026_531_840));
        for bad in [
            "",
            "net:[]",
            "net:[1",
            "mnt:[1]",
            "net:[99999999999]",
            "net:[-1]",
        ] {
            assert_eq!(parse_link(bad), None, "{bad}");
        }
    }

    #[test]
    fn our_own_namespace_comes_first_and_needs_no_privilege() {
        let namespaces = enumerate();
        let own = namespaces.found.first().map(|n| n.is_own);
        assert_eq!(own, Some(true));
        let inodes: HashSet<_> = namespaces.found.iter().map(|n| n.inode).collect();
        assert_eq!(inodes.len(), namespaces.found.len());
        let visited = visit(&namespaces.found, |netns| netns.inode);
        assert_eq!(visited.len(), namespaces.found.len());
        assert_eq!(
            visited.first().and_then(|v| v.as_ref().ok()).copied(),
            namespaces.found.first().map(|n| n.inode)
        );
    }

    #[test]
    fn work_runs_inside_the_namespace() {
        let namespaces = enumerate();
        let visited = visit(&namespaces.found, |netns| {
            let link = std::fs::read_link("/proc/thread-self/ns/net").ok();
            link.and_then(|l| l.to_str().and_then(parse_link)) == Some(netns.inode)
        });
        assert!(visited.iter().flatten().all(|inside| *inside));
    }
}
