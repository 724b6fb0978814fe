//! Configurations that the agent has to read, one after the other: good ones and broken ones.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::STALE_AFTER;
use crate::bench::agent::running::{Agent, Setup};

/// Text of the agent's log for the broken ones.
pub(crate) const PROVOKED: &str = "the old configuration stays in force";

/// Good ones differ in what sweeps, hooks and alerts go by.
const GOOD: [(&str, &str); 3] = [("comm", "4m"), ("unit", "5s"), ("comm", "30s")];
const BROKEN: [&str; 4] = [
    "[path]\ndefault = \"soon\"\n",
    "wrokload = \"comm\"\n",
    "\0\u{1}{{{{",
    "[[alert.sink]]\nkind = \"webhook\"\nurl = \"ftp://127.0.0.1/\"\n",
];

/// Part that all good ones have in common.
pub(crate) struct Common {
    /// The path limit of what no rule is for.
    pub(crate) limit: Duration,
    /// Sections of sinks.
    pub(crate) sinks: String,
}

/// The rest of the configuration, from within its section `[agent]`, and whether it is broken. That
/// of number 0 is good.
pub(crate) fn variant(number: u64, common: &Common) -> (String, bool) {
    let round = usize::try_from(number / 2).unwrap_or_default();
    if !number.is_multiple_of(2) {
        let broken = BROKEN.get(round % BROKEN.len()).copied();
        return (broken.unwrap_or_default().to_owned(), true);
    }
    let (workload, repeat) = GOOD
        .get(round % GOOD.len())
        .copied()
        .unwrap_or(("comm", "4m"));
    let text = format!(
        "workload = \"{workload}\"\n\
         [path]\ndefault = \"{}s\"\n\
         [[path.rule]]\nremote = \"10.79.0.0/24\"\nports = [8443, 8444]\nlimit = \"{}s\"\n\
         [alert]\nrepeat = \"{repeat}\"\nresolve = \"1s\"\n{}",
        common.limit.as_secs(),
        STALE_AFTER.as_secs(),
        common.sinks
    );
    (text, false)
}

/// Not a thread: it changes what the agent is set up with.
pub(crate) struct Reloads {
    next: Instant,
    pub(crate) done: u64,
    /// Number of them that were broken.
    pub(crate) broken: u64,
}

const EVERY: Duration = Duration::from_secs(5);

impl Reloads {
    pub(crate) fn new() -> Self {
        Self {
            next: Instant::now() + EVERY,
            done: 0,
            broken: 0,
        }
    }

    /// Has the agent read the next one, when it is time.
    pub(crate) fn perhaps(
        &mut self,
        agent: &Agent,
        setup: &mut Setup<'_>,
        common: &Common,
    ) -> Result<()> {
        if Instant::now() < self.next {
            return Ok(());
        }
        self.next += EVERY;
        self.reload(agent, setup, variant(self.done + 1, common))
    }

    /// Has it read the first one again.
    pub(crate) fn finish(
        &mut self,
        agent: &Agent,
        setup: &mut Setup<'_>,
        common: &Common,
    ) -> Result<()> {
        self.reload(agent, setup, variant(0, common))
    }

    fn reload(
        &mut self,
        agent: &Agent,
        setup: &mut Setup<'_>,
        (text, is_broken): (String, bool),
    ) -> Result<()> {
        self.done += 1;
        self.broken += u64::from(is_broken);
        setup.agent = text;
        agent.reload(setup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_broken_ones_come_in_turn_and_all_of_both() {
        let common = Common {
            limit: Duration::from_secs(60),
            sinks: String::new(),
        };
        let broken = |number| variant(number, &common).1;
        assert!((0..20).all(|number| broken(number) != number.is_multiple_of(2)));
        let kinds = |wanted| {
            let texts = (0..24)
                .map(|number| variant(number, &common))
                .filter(|(_, is)| *is == wanted);
            texts
                .map(|(text, _)| text)
                .collect::<std::collections::BTreeSet<_>>()
                .len()
        };
        assert_eq!((kinds(false), kinds(true)), (GOOD.len(), BROKEN.len()));
    }
}
