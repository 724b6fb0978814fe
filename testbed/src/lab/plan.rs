//! What one run of the lab does, and when.

use std::{
    env::var_os,
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use xtask::{apt, env};

use super::{
    Args, Forgotten,
    clients::{self, CLIENTS, Client},
    postgres,
};
use crate::duration;

pub(super) struct Plan {
    pub(super) limit_s: u64,
    /// The limit that observer is told.
    pub(super) told_s: u64,
    pub(super) forgotten: Forgotten,
    /// Where clients are built, and what they print is kept.
    pub(super) work: PathBuf,
    pub(super) observer: PathBuf,
    /// What a client may take until it has sent its request.
    pub(super) start_up: Duration,
    /// As long as it is held, no other lab uses the folder.
    _lock: Option<File>,
}

/// Clients that cannot run here, and what they lack.
pub(super) type LeftOut = Vec<(&'static str, String)>;

/// Below, the moments of a look and of a probe run into each other; above, a client's own limits
/// come into play.
const LIMITS_S: std::ops::RangeInclusive<u64> = 4..=350;

/// Reads `20s` or `2m`: whole seconds within [`LIMITS_S`].
pub(super) fn limit(text: &str) -> Result<u64, String> {
    let limit = duration::parse(text)?;
    if limit.subsec_nanos() == 0 && LIMITS_S.contains(&limit.as_secs()) {
        return Ok(limit.as_secs());
    }
    let (least, most) = (LIMITS_S.start(), LIMITS_S.end());
    Err(format!("whole seconds between {least}s and {most}s"))
}

impl Plan {
    /// Installs and builds what is needed, unless that was done for this guest.
    pub(super) fn new(args: &Args) -> Result<Self> {
        if !env::is_root() {
            bail!("it makes network namespaces and looks at others' sockets: run this as root");
        }
        let start_up_s = if args.built.is_some() { 60 } else { 4 };
        let plan = |work, lock, observer| Self {
            _lock: lock,
            start_up: Duration::from_secs(start_up_s),
            limit_s: args.limit,
            told_s: args.told.unwrap_or(args.limit),
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

    /// One that only says how long things take.
    #[cfg(test)]
    pub(super) fn of(limit_s: u64) -> Self {
        Self {
            limit_s,
            told_s: limit_s,
            forgotten: Forgotten::Drop,
            work: PathBuf::new(),
            observer: PathBuf::new(),
            start_up: Duration::ZERO,
            _lock: None,
        }
    }

    /// The clients that can run here, and the others with what they lack.
    pub(super) fn choose(&self, only: &[String]) -> Result<(Vec<&'static Client>, LeftOut)> {
        let wanted = |client: &&Client| {
            only.is_empty() || only.iter().any(|name| client.name.contains(name.as_str()))
        };
        let (mut chosen, mut left_out) = (Vec::new(), LeftOut::new());
        for client in CLIENTS.iter().filter(wanted) {
            let no_server = client.needs_postgres() && postgres::programs().is_none();
            let lack = no_server.then(|| "no PostgreSQL server".to_owned());
            match lack.map_or_else(|| client.lacks(self), |lack| Ok(Some(lack)))? {
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

    /// How long the server is silent before it answers, and a client between two requests: long
    /// enough that what comes too late has no luck.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_secs(2 * self.limit_s + 2)
    }

    /// How long a client is left waiting.
    pub(super) fn patience(&self) -> Duration {
        self.silence() + Duration::from_secs(self.limit_s.min(20) + 1)
    }

    /// Milliseconds between the bytes of an answer that dribbles, less than the limit, and their
    /// number.
    pub(super) fn dribble(&self) -> (u64, u64) {
        (self.limit_s * 600, 3)
    }

    /// Time between probes that come early enough.
    pub(super) fn probe_s(&self) -> u64 {
        (self.limit_s / 4).max(1)
    }

    /// Time between two looks.
    pub(super) fn look(&self) -> Duration {
        Duration::from_millis((self.limit_s * 100).clamp(400, 2000))
    }
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
    let profile = xtask::vm::PROFILE;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        assert_eq!(limit("5s"), Ok(5));
        assert_eq!(limit("2m"), Ok(120));
        for text in [
            "",
            "s",
            "3s",
            "351s",
            "6m",
            "5h",
            "5500ms",
            "-5s",
            "99999999999999999999m",
        ] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    /// What the rows mean hangs on these.
    #[test]
    fn a_plan_cuts_what_is_late_and_only_that() {
        for limit_s in LIMITS_S {
            let plan = Plan::of(limit_s);
            let limit = Duration::from_secs(limit_s);
            assert!(plan.silence() > 2 * limit);
            assert!(plan.patience() > plan.silence());
            let (gap_ms, bytes) = plan.dribble();
            assert!(Duration::from_millis(gap_ms) < limit);
            assert!(Duration::from_millis(gap_ms * (bytes + 1)) > 2 * limit);
            assert!(Duration::from_secs(2 * plan.probe_s()) <= limit);
            assert!(plan.look() < limit / 4);
        }
    }
}
