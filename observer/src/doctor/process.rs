//! Rights of this user on other processes and on network namespaces.

use std::fs::File;
use std::os::fd::AsFd as _;

use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::host::descriptor::may_duplicate;
use crate::host::{SocketHolders, netns, process};

/// Other processes, as far as this user may look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processes {
    /// Number of processes that `/proc` shows.
    pub seen: usize,
    /// `true` where process 1 is hidden, as `hidepid` does with those of other users.
    pub hides_others: bool,
    /// Those whose descriptors may not be read.
    pub hidden_descriptors: usize,
    /// Those whose network namespace may not be read.
    pub hidden_namespaces: usize,
    /// Those whose descriptors may not be duplicated.
    pub not_duplicable: usize,
    /// Why pidfd_getfd does not work at all; `None` if it does.
    pub no_pidfd_getfd: Option<String>,
}

/// The network namespaces that this user sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Their number.
    pub found: usize,
    /// Those that cannot be entered.
    pub closed: usize,
    /// Why entering one is refused; `None` if it is not.
    pub refused: Option<String>,
}

/// # Errors
/// There is no usable `/proc`.
pub(super) fn look() -> Result<(Processes, Namespaces), String> {
    let pids = process::pids().map_err(|error| format!("cannot read /proc: {error}"))?;
    let holders = SocketHolders::walk().map_err(|error| format!("cannot read /proc: {error}"))?;
    let namespaces = netns::enumerate();
    let tried = || pids.iter().map(|pid| may_duplicate(*pid));
    let processes = Processes {
        seen: pids.len(),
        hides_others: !pids.contains(&1),
        hidden_descriptors: holders.denied,
        hidden_namespaces: namespaces.denied,
        not_duplicable: tried().filter(|tried| is_denied(*tried)).count(),
        no_pidfd_getfd: may_duplicate(std::process::id())
            .err()
            .map(|e| e.to_string()),
    };
    let visited = netns::visit(&namespaces.found, |_| ());
    let entered = Namespaces {
        found: visited.len(),
        closed: visited.iter().filter(|visit| visit.is_err()).count(),
        refused: enter_own().err().map(|error| error.to_string()),
    };
    Ok((processes, entered))
}

fn is_denied(tried: Result<(), Errno>) -> bool {
    matches!(tried, Err(Errno::PERM | Errno::ACCESS))
}

/// Enters the namespace that it is in already, which takes the same rights as any other, on a
/// thread of its own.
fn enter_own() -> std::io::Result<()> {
    let enter = || {
        let own = File::open("/proc/thread-self/ns/net")?;
        move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(())
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, enter)?;
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
