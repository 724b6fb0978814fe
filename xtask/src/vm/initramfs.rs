//! First root file system of a guest: busybox, observer, its tests, and the tools they compare with.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{cpio::Archive, kernels::Kernel, payload::Payload};
use crate::env;

/// Programs of the host that tests call, with the Debian package of each.
const PROGRAMS: &[(&str, &str)] = &[
    ("bpftool", "bpftool"),
    // Unlike busybox's shell, it does not prefer busybox's ip and netstat to the real ones.
    ("dash", "dash"),
    ("ip", "iproute2"),
    ("netstat", "net-tools"),
    ("ss", "iproute2"),
    // busybox has its own of these two, with fewer options.
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
];

pub(crate) fn packages() -> Vec<&'static str> {
    let mut packages = vec!["busybox-static", "xz-utils"];
    packages.extend(PROGRAMS.iter().map(|(_, package)| *package));
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// Markers that the guest prints on a line of their own.
pub(crate) const BEGIN: &str = "@@observer-begin ";
pub(crate) const END: &str = "@@observer-end ";

pub(crate) fn write(
    kernel: &Kernel,
    payload: &Payload,
    timeout_s: u64,
    to: &PathBuf,
) -> Result<()> {
    let mut archive = Archive::default();
    for folder in [
        "/dev", "/etc", "/proc", "/root", "/run", "/sys", "/tmp", "/usr/bin",
    ] {
        archive.folder(folder);
    }
    archive.file(
        "/etc/passwd",
        0o644,
        b"root:x:0:0:root:/root:/bin/sh\n".to_vec(),
    );
    archive.file("/etc/group", 0o644, b"root:x:0:\n".to_vec());
    archive.file(
        "/etc/hosts",
        0o644,
        b"127.0.0.1 localhost\n::1 localhost\n".to_vec(),
    );

    let busybox = env::find_program("busybox").context("no busybox on PATH")?;
    archive.copy(&busybox, "/bin/busybox")?;
    archive.link("/bin/sh", "/usr/bin/dash");
    for (program, package) in PROGRAMS {
        let file = env::find_program(program)
            .with_context(|| format!("no {program} on PATH (Debian package {package})"))?;
        add_program(&mut archive, &file, &format!("/usr/bin/{program}"))?;
    }

    for module in &kernel.modules {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        archive.copy(module, &format!("/modules/{name}"))?;
    }
    for (host, guest) in &payload.files {
        if host.is_dir() {
            archive.copy(host, guest)?;
        } else {
            add_program(&mut archive, host, guest)?;
        }
    }
    for (path, target) in &payload.links {
        archive.link(path, target);
    }
    archive.file(
        "/init",
        0o755,
        init(kernel, payload, timeout_s).into_bytes(),
    );
    archive.write(to)
}

/// Adds a file, with the shared libraries it needs where it is a program.
fn add_program(archive: &mut Archive, host: &Path, guest: &str) -> Result<()> {
    archive.copy(host, guest)?;
    // ldd fails for what is no dynamic program.
    let libraries = env::stdout(Command::new("ldd").arg(host)).unwrap_or_default();
    for line in libraries.lines() {
        let words = line.split_whitespace();
        if let Some(library) = words.into_iter().find(|word| word.starts_with('/'))
            && !archive.contains(library)
        {
            archive.copy(Path::new(library), library)?;
        }
    }
    Ok(())
}

fn init(kernel: &Kernel, payload: &Payload, timeout_s: u64) -> String {
    let modules: Vec<_> = kernel
        .modules
        .iter()
        .filter_map(|module| Some(module.file_name()?.to_string_lossy()))
        .collect();
    let mut script = format!(
        "#!/bin/sh
/bin/busybox mkdir -p /sbin /usr/sbin
/bin/busybox --install -s /bin
export PATH=/usr/bin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
for module in {modules}; do insmod /modules/$module || echo \"no $module\"; done
ip link set lo up
hostname guest
echo 4000000 > /proc/sys/fs/nr_open
echo 4000000 > /proc/sys/fs/file-max
ulimit -n 1048576
export OBSERVER_GUEST=1 OBSERVER_REQUIRE_PRIVILEGED=1 OBSERVER_KERNEL_SERIES={series}
export OBSERVER_BIN=/bin/observer RUST_BACKTRACE=1
# In case nobody is left to kill this guest.
(sleep {deadline_s}; poweroff -f) &
",
        modules = modules.join(" "),
        series = kernel.series,
        deadline_s = timeout_s + 30,
    );
    for step in &payload.steps {
        let quoted: Vec<_> = step.command.iter().map(|word| quote(word)).collect();
        script.push_str(&format!(
            "echo '{BEGIN}{name}'\n(cd {folder} && {command}) 2>&1 </dev/null\n\
             echo \"\n{END}{name} $?\"\n",
            name = step.name,
            folder = quote(&step.folder),
            command = quoted.join(" "),
        ));
    }
    script.push_str("sync\npoweroff -f\n");
    script
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
