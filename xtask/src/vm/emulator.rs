//! Finds a QEMU that can be used, or installs one.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, bail};

use super::kernels::numbers;
use crate::{
    apt::{self, Lists},
    env,
};

/// The machine's QEMU, where it can be used; else the one that Debian has for it.
pub(crate) fn find() -> Result<PathBuf> {
    const NAME: &str = "qemu-system-x86_64";
    // Version 7.2 corrupts flags around cmpxchg16b: guests panic under load.
    const OLDEST: u32 = 8;
    let usable = || {
        let program = env::find_program(NAME)?;
        let version = env::stdout(Command::new(&program).arg("--version")).ok()?;
        let major = *numbers(&version).first()?;
        (major >= OLDEST).then_some(program)
    };
    if let Some(program) = usable() {
        return Ok(program);
    }
    let codename = apt::codename()?;
    eprintln!("xtask: installing QEMU {OLDEST} or later");
    if codename == "bookworm" {
        let backports = format!("{codename}-backports");
        let suites = [
            codename.clone(),
            format!("{codename}-security"),
            backports.clone(),
        ];
        let lists = Lists::fetch(&env::cache_dir()?.join("apt/qemu"), &suites)?;
        lists.install("qemu-system-x86", &backports)?;
    } else {
        apt::install(&["qemu-system-x86"])?;
    }
    let Some(program) = usable() else {
        bail!(
            "no {NAME} of version {OLDEST} or later, and {codename}'s package is older: \
             guests panic under 7.2, which mishandles cmpxchg16b"
        );
    };
    Ok(program)
}
