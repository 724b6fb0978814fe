//! Sandbox of each thread: the privileges and files that it keeps once everything is loaded, attached
//! and bound. docs/decisions/0011 says which thread keeps what, and why.

use std::path::Path;

use anyhow::Context as _;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetStatus, path_beneath_rules,
};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::config::Config;

/// Capabilities of the collector: network namespaces are entered (`CAP_SYS_ADMIN`, which
/// also stands for `CAP_BPF`), and found at the processes in them (`CAP_SYS_PTRACE`).
pub(super) const COLLECTOR: CapabilitySet =
    CapabilitySet::SYS_ADMIN.union(CapabilitySet::SYS_PTRACE);

/// Capabilities of the collector by sock_diag: the descriptors of every process are read.
pub(super) const COLLECTOR_BY_DIAG: CapabilitySet = COLLECTOR.union(CapabilitySet::DAC_READ_SEARCH);

/// Capabilities of the thread that reads the hooks' counts: kernels before 5.19 let nobody else use maps where
/// `kernel.unprivileged_bpf_disabled` is set.
pub(super) const HOOKS: CapabilitySet = CapabilitySet::BPF;

/// Capabilities of threads that talk to others.
pub(super) const NETWORK: CapabilitySet = CapabilitySet::empty();

/// Takes all capabilities but these from the calling thread and those it starts, for ever.
///
/// # Errors
/// The kernel refuses.
pub(super) fn keep_only(kept: CapabilitySet) -> anyhow::Result<()> {
    let held = rustix::thread::capabilities(None)?;
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().iter() {
            // A kernel that does not know one has none to take.
            if !kept.contains(capability) {
                let _unknown = rustix::thread::remove_capability_from_bounding_set(capability);
            }
        }
    }
    let permitted = held.permitted & kept;
    let sets = CapabilitySets {
        effective: held.effective & kept,
        permitted,
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::clear_ambient_capability_set().or_else(ignore_unsupported)?;
    rustix::thread::set_capabilities(None, sets).context("cannot give capabilities up")?;
    rustix::thread::set_no_new_privs(true).context("cannot set no_new_privs")
}

fn ignore_unsupported(error: rustix::io::Errno) -> rustix::io::Result<()> {
    match error {
        rustix::io::Errno::INVAL => Ok(()),
        error => Err(error),
    }
}

/// Files that a confined thread may still use.
#[derive(Debug, Default)]
struct AllowedFiles<'a> {
    /// Files that are read again when the configuration is; their folders too, since editors put a
    /// new file in the place of the old one.
    read: Vec<&'a Path>,
    /// Unix socket that is removed at the end.
    removed: Option<&'a Path>,
}

/// Folders that resolving names, verifying certificates and counting oneself take.
const ALWAYS_READ: [&str; 10] = [
    "/etc",
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/share/zoneinfo",
    // Where /etc/ssl/certs leads.
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/proc/self",
    "/run/systemd/resolve",
];

/// Confines the calling thread, and those it starts, to the files that the configuration in `file`
/// names. Where the kernel refuses, they go on without, and the log says so.
pub(super) fn confine_network(file: &Path, config: &Config) {
    let mut read = config.files();
    read.push(file);
    let files = AllowedFiles {
        read,
        removed: config.socket_file(),
    };
    match confine(&files) {
        Ok(status) => tracing::debug!(?status, "landlock"),
        Err(error) => tracing::warn!("landlock: {error:#}; the network's threads are not confined"),
    }
}

/// Confines the calling thread, and those it starts, to these files, and lets it bind no port.
/// Returns whether the kernel does all, some or nothing of it (landlock, 5.13 and later).
///
/// The collector is left out: a confined thread may not read processes outside, which is its work.
///
/// # Errors
/// The kernel knows landlock and refuses.
fn confine(files: &AllowedFiles<'_>) -> anyhow::Result<RulesetStatus> {
    const KNOWN: ABI = ABI::V5;
    let folders = files.read.iter().copied().filter_map(folder);
    let read: Vec<&Path> = ALWAYS_READ
        .into_iter()
        .map(Path::new)
        .chain(folders)
        .collect();
    let removed: Vec<&Path> = files.removed.into_iter().filter_map(folder).collect();
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::BindTcp)?
        .create()?
        .add_rules(path_beneath_rules(read, AccessFs::from_read(KNOWN)))?
        .add_rules(path_beneath_rules(removed, AccessFs::RemoveFile))?
        .restrict_self()?;
    Ok(status.ruleset)
}

fn folder(file: &Path) -> Option<&Path> {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::require::{Need, require};

    /// On a thread of its own: what is given up is gone.
    fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| scope.spawn(work).join().unwrap())
    }

    #[test]
    fn capabilities_are_gone_from_this_thread_alone() {
        let before = rustix::thread::capabilities(None).unwrap().effective;
        let after = apart(|| {
            keep_only(COLLECTOR).unwrap();
            assert!(rustix::thread::no_new_privs().unwrap());
            rustix::thread::capabilities(None).unwrap()
        });
        assert_eq!(after.effective, before & COLLECTOR);
        assert_eq!(after.permitted & !COLLECTOR, CapabilitySet::empty());
        assert_eq!(
            rustix::thread::capabilities(None).unwrap().effective,
            before
        );
    }

    #[test]
    fn a_confined_thread_reads_only_what_it_must() {
        let folder = std::env::temp_dir().join(format!("observer-confine-{}", std::process::id()));
        let (allowed, other) = (folder.join("allowed"), folder.join("other"));
        for folder in [&allowed, &other] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("file"), "text").unwrap();
        }
        let file = allowed.join("file");
        let files = AllowedFiles {
            read: vec![&file],
            removed: Some(&file),
        };
        apart(|| {
            rustix::thread::set_no_new_privs(true).unwrap();
            let status = confine(&files).unwrap();
            let lacks = status == RulesetStatus::NotEnforced;
            let landlock = Need::Kernel {
                feature: "landlock",
                lack: lacks.then(|| "it enforces nothing".to_owned()),
                unless: &["5.10"],
            };
            if !require([landlock]) {
                return;
            }
            std::fs::read(allowed.join("file")).unwrap();
            std::fs::read("/proc/self/stat").unwrap();
            std::fs::read(other.join("file")).unwrap_err();
            std::fs::write(allowed.join("file"), "new").unwrap_err();
            std::fs::remove_file(other.join("file")).unwrap_err();
            std::fs::remove_file(allowed.join("file")).unwrap();
        });
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
