//! Check that the package holds what it should, installs, keeps its administrator's configuration, and
//! goes without a trace.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};
use xtask::env;

const CONFIG: &str = "/etc/observer/config.toml";
const UNIT: &str = "/usr/lib/systemd/system/observer-agent.service";

/// Files that must be in it.
const FILES: &[&str] = &[
    "/usr/bin/observer",
    UNIT,
    CONFIG,
    "/usr/share/man/man8/observer.8.gz",
    "/usr/share/bash-completion/completions/observer",
    "/usr/share/zsh/vendor-completions/_observer",
    "/usr/share/fish/vendor_completions.d/observer.fish",
    "/usr/share/doc/observer/changelog.Debian.gz",
    "/usr/share/doc/observer/copyright",
    "/usr/share/doc/observer/fleet.md",
    "/usr/share/doc/observer/examples/prometheus/rules.yml",
    "/usr/share/doc/observer/examples/grafana/observer.json",
];

/// The C library of the oldest Debian that the package, and the image's base, are for.
const NEWEST_LIBC: (u32, u32) = (2, 36);

pub(super) fn contents(package: &Path) -> Result<()> {
    let listing = env::stdout(Command::new("dpkg-deb").arg("--contents").arg(package))?;
    for file in FILES {
        ensure!(
            listing
                .lines()
                .any(|line| line.ends_with(&format!(" .{file}"))),
            "the package has no {file}"
        );
    }
    for line in listing.lines() {
        let mut words = line.split_whitespace();
        let (mode, owner) = (words.next(), words.next());
        ensure!(
            mode.is_some_and(|mode| ["drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--"].contains(&mode))
                && owner.is_some_and(|owner| ["root/root", "0/0"].contains(&owner)),
            "rights in the package: {line}"
        );
    }
    let field = |name: &str| {
        let mut command = Command::new("dpkg-deb");
        env::stdout(command.arg("--field").arg(package).arg(name))
    };
    let depends = field("Depends")?;
    println!("depends on {depends}");
    let libc = depends
        .split("libc6 (>= ")
        .nth(1)
        .and_then(|rest| rest.split(')').next())
        .and_then(|version| version.split_once('.'))
        .with_context(|| format!("the package depends on no libc6: {depends}"))?;
    let libc: (u32, u32) = (libc.0.parse()?, libc.1.parse()?);
    ensure!(
        libc <= NEWEST_LIBC,
        "needs libc6 {}.{}, which Debian 12 and the image's base do not have: build it there",
        libc.0,
        libc.1
    );
    let conffiles = env::stdout(
        Command::new("dpkg-deb")
            .arg("--info")
            .arg(package)
            .arg("conffiles"),
    )?;
    ensure!(conffiles.trim() == CONFIG, "conffiles: {conffiles}");
    Ok(())
}

pub(super) fn install(root: &Path, package: &Path) -> Result<()> {
    if !env::is_root() && env::find_program("sudo").is_none() {
        let missing = "installing the package needs root or sudo, and this user has neither";
        if std::env::var_os("CI").is_some() {
            bail!("{missing}");
        }
        eprintln!("xtask: NOT RUN: {missing}");
        return Ok(());
    }
    if Path::new(UNIT).exists() {
        bail!("observer is installed here, so no package can be seen to come and go: purge it");
    }
    let mounted = std::env::temp_dir().join(format!("observer-dist-{}", std::process::id()));
    fs::create_dir(&mounted)?;
    let mut command = env::as_root("unshare");
    command
        .args(["--mount", "--propagation", "private", "sh", "-eu"])
        .arg(root.join("xtask/src/dist/come-and-go.sh"))
        .arg(&mounted)
        .arg(package)
        .args([CONFIG, UNIT]);
    let result = env::run(&mut command).context("the package does not come and go as it should");
    fs::remove_dir(&mounted)?;
    result
}
