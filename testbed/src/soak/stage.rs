//! Surroundings of the agent: the cable, connections that stay, and the sinks of its alerts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::{
    Args,
    load::{Common, Idle},
    shared::{CLIENT, SERVER},
    sink::Sink,
};
use crate::netns::Cable;

/// Everything but the agent.
pub(super) struct Stage {
    pub(super) cable: Cable,
    pub(super) idle: Idle,
    /// A reliable one, and an unreliable one.
    pub(super) sinks: [Sink; 2],
    pub(super) lasts: Duration,
    interrupted: Arc<AtomicBool>,
}

impl Stage {
    pub(super) fn new(args: &Args) -> Result<Self> {
        let interrupted = Arc::<AtomicBool>::default();
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
        }
        let cable = Cable::lay(CLIENT, SERVER)?;
        Ok(Self {
            idle: Idle::start(&cable)?,
            cable,
            sinks: [Sink::start(None)?, Sink::start(Some(args.lasts))?],
            lasts: args.lasts,
            interrupted,
        })
    }

    pub(super) fn common(&self) -> Common {
        Common {
            // Silence endangers most of those that stay before the warming up is over.
            limit: (self.lasts / 10).clamp(Duration::from_secs(6), Duration::from_secs(60)),
            sinks: self.sinks.each_ref().map(Sink::config).concat(),
        }
    }

    /// Fails when this process has to end, so that all that it started ends with it.
    pub(super) fn check(&self) -> Result<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        Ok(())
    }
}
