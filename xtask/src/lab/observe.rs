//! Asks observer, again and again.

use std::{
    net::IpAddr,
    process::Command,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Instant, SystemTime},
};

use anyhow::{Context as _, Result};

use super::{
    middlebox::SERVER,
    plan::Plan,
    words::{self, Clock, Sample},
};
use crate::env;

/// Seconds since 1970.
pub(super) fn wall_s() -> Result<f64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Ok(since.context("the clock is before 1970")?.as_secs_f64())
}

/// The command of the look that goes on.
pub(super) fn watch(plan: &Plan) -> Vec<String> {
    let interval = format!("{}ms", plan.look().as_millis());
    let path = format!("{}s", plan.told_s);
    let words = ["watch", "--interval", &interval, "--path", &path];
    let mut command = vec![plan.observer.to_string_lossy().into_owned()];
    command.extend(words.map(str::to_owned));
    command.extend(["--no-hooks", "--remote", SERVER].map(str::to_owned));
    command
}

/// Lists the connections to the server until `end` closes; all samples, oldest first.
pub(super) fn look(plan: &Plan, clock: Clock, end: &Receiver<()>) -> Result<Vec<Sample>> {
    let remote: IpAddr = SERVER.parse()?;
    let path = format!("{}s", plan.told_s);
    let mut samples = Vec::new();
    loop {
        let began = Instant::now();
        let mut list = Command::new(&plan.observer);
        list.args(["list", "--output", "json", "--path", &path]);
        list.args(["--remote", SERVER]);
        let document = env::stdout(&mut list)?;
        samples.extend(words::samples(&document, clock, remote)?);
        let rest = plan.look().saturating_sub(began.elapsed());
        if end.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
            return Ok(samples);
        }
    }
}
