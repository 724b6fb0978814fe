//! Requirements of a run on this host: packages, clients, the program under test.

use std::{
    env::var_os,
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use xtask::{apt, env, vm};

use super::{
    Args,
    clients::{self, CLIENTS, Client},
    plan::Plan,
    postgres,
};

/// Clients that cannot run here, and what they lack.
pub(super) type LeftOut = Vec<(&'static str, String)>;

/// Plan of a run. Installs and builds what is needed, unless that was done for this guest.
pub(super) fn plan(args: &Args) -> Result<Plan> {
    if !env::is_root() {
        bail!("it makes network namespaces and reads others' sockets: run this as root");
    }
    let start_up_s = if args.built.is_some() { 60 } else { 4 };
    let plan = |work, lock, observer| Plan {
        _lock: lock,
        start_up: Duration::from_secs(start_up_s),
        limit_s: args.limit,
        observer_limit_s: args.told.unwrap_or(args.limit),
        forgotten: args.on_forgotten,
        work,
        observer,
    };
    if let Some(built) = &args.built {
        let observer = var_os("OBSERVER_BIN").context("OBSERVER_BIN is not set")?;
        return Ok(plan(built.clone(), None, observer.into()));
    }
    apt::install(clients::PACKAGES)?;
    let (work, lock) = work()?;
    Ok(plan(work, Some(lock), observer()?))
}

/// The clients that can run here, and the others with what they lack.
pub(super) fn choose(plan: &Plan, only: &[String]) -> Result<(Vec<&'static Client>, LeftOut)> {
    let wanted = |client: &&Client| {
        only.is_empty() || only.iter().any(|name| client.name.contains(name.as_str()))
    };
    let (mut chosen, mut left_out) = (Vec::new(), LeftOut::new());
    for client in CLIENTS.iter().filter(wanted) {
        let no_server = client.needs_postgres() && postgres::programs().is_none();
        let lack = no_server.then(|| "no PostgreSQL server".to_owned());
        match lack.map_or_else(|| client.lacks(plan), |lack| Ok(Some(lack)))? {
            Some(lack) => left_out.push((client.name, lack)),
            None => chosen.push(client),
        }
    }
    if chosen.is_empty() {
        let names: Vec<_> = CLIENTS.iter().map(|client| client.name).collect();
        bail!("no client is left to run; there are: {}", names.join("; "));
    }
    Ok((chosen, left_out))
}

/// The folder of the clients, with all of them built, and what keeps other labs out of it.
pub(super) fn work() -> Result<(PathBuf, File)> {
    let work = env::target_dir(&env::workspace_root()).join("lab");
    fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    let lock = File::create(work.join("lock"))?;
    lock.try_lock()
        .with_context(|| format!("is another lab at work in {}?", work.display()))?;
    clients::build(&work).context("cannot build the lab's own clients")?;
    Ok((work, lock))
}

/// The program under test: `OBSERVER_BIN`, or one built here.
fn observer() -> Result<PathBuf> {
    if let Some(program) = var_os("OBSERVER_BIN") {
        return Ok(program.into());
    }
    let root = env::workspace_root();
    let profile = vm::PROFILE;
    let build = [
        "build",
        "--quiet",
        "--package",
        "observer",
        "--bin",
        "observer",
    ];
    env::run(
        env::cargo()
            .current_dir(&root)
            .args(build)
            .args(["--profile", profile]),
    )?;
    Ok(env::target_dir(&root)
        .join(Path::new(profile))
        .join("observer"))
}
