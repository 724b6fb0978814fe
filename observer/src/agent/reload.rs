//! Reload: the configuration, certificates and users are read again while the agent runs.

use std::sync::Arc;

use anyhow::Context as _;

use super::command::Command;
use super::event_loop::EventLoop;
use super::service;
use super::settings::{SweepSettings, server_config};
use crate::alert::{AlertSettings, Sinks};

impl EventLoop {
    /// Reads the configuration again; a bad one changes nothing.
    pub(super) fn reload(&mut self, sinks: &mut Sinks) {
        service::reloading();
        let outcome = self.try_reload(sinks);
        let is_good = outcome.is_ok();
        match outcome {
            Ok(()) => tracing::info!("the configuration was read again"),
            Err(error) => tracing::error!("the old configuration stays in force: {error:#}"),
        }
        self.exporter
            .metrics()
            .reloaded(is_good, jiff::Timestamp::now());
        service::reloaded();
    }

    fn try_reload(&mut self, sinks: &mut Sinks) -> anyhow::Result<()> {
        let new = (self.read_config)()?;
        let at_restart = self.config.changed_at_restart(&new);
        if !at_restart.is_empty() {
            let keys = at_restart.join(", ");
            tracing::warn!("takes effect when the agent is restarted: {keys}");
        }
        self.reloader.reload(&server_config(&new))?;
        sinks.replace(&new.alert.sink)?;
        self.engine
            .reconfigure(AlertSettings::new(&new.alert, &new.scan, &self.host));
        let settings = Arc::new(SweepSettings::of(&new));
        self.hooks.set_late_from(settings.least_limit_s());
        self.commands
            .try_send(Command::Settings(settings))
            .context("the collector is busy; try again")?;
        self.config = new;
        Ok(())
    }
}
