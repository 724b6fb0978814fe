//! What each thread gives up once everything is loaded, attached and bound. docs/agent.md says which
//! thread keeps what, and why.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetStatus, path_beneath_rules,
};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// For the thread that looks at the host: network namespaces are entered (`CAP_SYS_ADMIN`, which
/// also stands for `CAP_BPF`), and found at the processes in them (`CAP_SYS_PTRACE`).
pub(super) const LOOKS: CapabilitySet = CapabilitySet::SYS_ADMIN.union(CapabilitySet::SYS_PTRACE);

/// The same by sock_diag: the descriptors of every process are read.
pub(super) const LOOKS_BY_DIAG: CapabilitySet = LOOKS.union(CapabilitySet::DAC_READ_SEARCH);

/// For the thread that reads what hooks count: kernels before 5.19 let nobody else use maps where
/// `kernel.unprivileged_bpf_disabled` is set.
pub(super) const HOOKS: CapabilitySet = CapabilitySet::BPF;

/// For threads that speak with others.
pub(super) const NETWORK: CapabilitySet = CapabilitySet::empty();

/// The calling thread, and those it starts, keep no more capabilities than these, for ever.
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

/// What a thread that speaks with others may still do with files.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Files that are read again when the configuration is; their folders too, since editors put a
    /// new file in the place of the old one.
    pub(super) read: Vec<PathBuf>,
    /// A Unix socket that is removed at the end.
    pub(super) removed: Option<PathBuf>,
}

/// What resolving names, verifying certificates and counting oneself takes.
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

/// Confines the calling thread, and those it starts, to these files, and lets it bind no port.
/// Returns whether the kernel does all, some or nothing of it (landlock, 5.13 and later).
///
/// The thread that looks at the host is left out: a confined thread may not look at processes
/// outside, which is its work.
///
/// # Errors
/// The kernel knows landlock and refuses.
pub(super) fn confine(files: &Files) -> anyhow::Result<RulesetStatus> {
    const KNOWN: ABI = ABI::V5;
    let folders = files.read.iter().filter_map(|file| folder(file));
    let read: Vec<&Path> = ALWAYS_READ
        .into_iter()
        .map(Path::new)
        .chain(folders)
        .collect();
    let removed: Vec<&Path> = files
        .removed
        .iter()
        .filter_map(|file| folder(file))
        .collect();
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
            keep_only(LOOKS).unwrap();
            assert!(rustix::thread::no_new_privs().unwrap());
            rustix::thread::capabilities(None).unwrap()
        });
        assert_eq!(after.effective, before & LOOKS);
        assert_eq!(after.permitted & !LOOKS, CapabilitySet::empty());
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
        let files = Files {
            read: vec![allowed.join("file")],
            removed: Some(allowed.join("file")),
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
