//! A PostgreSQL server of the lab's own, from a data folder that is made anew.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use xtask::env;

use super::{clients::POSTGRES_PORT, middlebox::SERVER};

/// Debian's packages make it; the server refuses to be root.
const USER: &str = "postgres";

/// Folder of the programs in Debian, by version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The newest that is installed.
pub(super) fn programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(VERSIONS)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, programs)| programs.join("postgres").is_file())
        .collect();
    versions.sort_unstable();
    versions.pop().map(|(_, programs)| programs)
}

/// Fills the data folder, which is there and empty.
pub(super) fn prepare(programs: &Path, data: &Path) -> Result<()> {
    let id =
        |flag| -> Result<u32> { Ok(env::stdout(Command::new("id").args([flag, USER]))?.parse()?) };
    chown(data, Some(id("-u")?), Some(id("-g")?))?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700))?;
    let mut init = as_user(&programs.join("initdb"));
    init.args([
        "--no-sync",
        "--auth=trust",
        "--no-locale",
        "--encoding=UTF8",
    ])
    .args(["--username=postgres", "-D"])
    .arg(data);
    env::output(&mut init).context("cannot make a PostgreSQL data folder")?;
    let rules = "host all all 0.0.0.0/0 trust\n";
    fs::write(data.join("pg_hba.conf"), rules).context("cannot write pg_hba.conf")
}

/// The server, to be started in its namespace. It keeps no socket or file outside of `data`.
pub(super) fn server(programs: &Path, data: &Path) -> Command {
    let mut server = as_user(&programs.join("postgres"));
    server.arg("-D").arg(data);
    for setting in [
        format!("listen_addresses={SERVER}"),
        format!("port={POSTGRES_PORT}"),
        "unix_socket_directories=".to_owned(),
        "fsync=off".to_owned(),
        "shared_buffers=16MB".to_owned(),
        "autovacuum=off".to_owned(),
    ] {
        server.args(["-c", &setting]);
    }
    server
}

fn as_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", USER, "--regid", USER, "--clear-groups"])
        // Changing the user clears it, so it comes after that.
        .args(["setpriv", "--pdeathsig", "KILL"])
        .arg(program)
        .current_dir("/");
    command
}
