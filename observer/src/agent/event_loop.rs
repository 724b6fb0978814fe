//! Event loop of the thread that talks to others: sweeps and signals come in; metrics, alerts and the
//! service manager get what follows from them.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::collector::SweepOutcome;
use super::command::Command;
use super::hooks::HookFollower;
use super::log::LostLines;
use super::settings::stale_after;
use super::{memory, service};
use crate::alert::engine::Now;
use crate::alert::sink::SinkTiming;
use crate::alert::{Engine, Sinks};
use crate::config::Config;
use crate::exporter::{Exporter, Reloader, Server};
use crate::host::clock;
use crate::policy::HostSnapshot;

/// Time from one reading of the hooks' counts to the next.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// Time after which memory that answers and sweeps left free goes back again.
const GIVE_BACK: Duration = Duration::from_secs(10);
/// Time at the end in which alerts that wait are sent; the next agent finds the others again.
const LAST_DELIVERIES: Duration = Duration::from_millis(500);

/// State of the loop.
pub(super) struct EventLoop {
    pub(super) exporter: Arc<Exporter>,
    pub(super) engine: Engine,
    pub(super) host: String,
    pub(super) commands: SyncSender<Command>,
    pub(super) hooks: Arc<HookFollower>,
    pub(super) reloader: Reloader,
    pub(super) config: Config,
    pub(super) read_config: Box<dyn Fn() -> anyhow::Result<Config> + Send>,
    pub(super) lost_lines: LostLines,
    /// Sentence on how the agent works.
    pub(super) status: String,
    pub(super) last: Option<Arc<HostSnapshot>>,
}

impl EventLoop {
    /// Runs until a signal ends it.
    ///
    /// # Errors
    /// The collector or the server has ended.
    pub(super) async fn run(
        mut self,
        server: Server,
        mut sweeps: mpsc::UnboundedReceiver<SweepOutcome>,
    ) -> anyhow::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let handle = tokio::runtime::Handle::current();
        let mut sinks = Sinks::start(&self.config.alert.sink, SinkTiming::default(), &handle)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let exporter = Arc::clone(&self.exporter);
        let mut serving = tokio::spawn(server.run(exporter, async {
            // Dropped or sent: either way it is time.
            drop(stopped.await);
        }));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let watchdog = service::watchdog().map(|within| within / 2);
        let (mut swept, mut fed) = (Instant::now(), Instant::now());
        let mut gave_back = Instant::now();
        let outcome = loop {
            tokio::select! {
                sweep = sweeps.recv() => {
                    let Some(sweep) = sweep else {
                        break Err(anyhow::anyhow!("the collector has ended"));
                    };
                    swept = Instant::now();
                    self.take(sweep, &sinks);
                }
                _ = tick.tick() => {
                    self.count(&sinks);
                    let is_well = swept.elapsed() < stale_after(self.interval());
                    if is_well && watchdog.is_some_and(|each| fed.elapsed() >= each) {
                        service::alive();
                        fed = Instant::now();
                    }
                    if gave_back.elapsed() >= GIVE_BACK {
                        memory::give_back();
                        gave_back = Instant::now();
                    }
                }
                _ = hangup.recv() => self.reload(&mut sinks),
                _ = terminate.recv() => break Ok(()),
                _ = interrupt.recv() => break Ok(()),
                served = &mut serving => {
                    break served.context("serving has ended")?.context("cannot serve");
                }
            }
        };
        tracing::info!("ending");
        service::stopping();
        drop(stop);
        sinks.stop(LAST_DELIVERIES).await;
        if !serving.is_finished() {
            drop(tokio::time::timeout(Duration::from_millis(300), serving).await);
        }
        outcome
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.config.scan.interval.ms)
    }

    fn take(&mut self, sweep: SweepOutcome, sinks: &Sinks) {
        match sweep {
            SweepOutcome::Taken(snapshot) => {
                self.exporter.show_snapshot(Arc::clone(&snapshot));
                if self.last.replace(snapshot).is_none() {
                    self.count(sinks);
                    tracing::info!("ready: {}", self.status);
                    service::ready(&self.status);
                }
            }
            // The last snapshot holds, and time goes on for alerts.
            SweepOutcome::Spared => {}
            SweepOutcome::Failed(error) => {
                self.exporter.metrics().scan_failed();
                tracing::error!("the sweep failed: {error}");
                return;
            }
        }
        if let Some(snapshot) = &self.last {
            let now = Now {
                at: jiff::Timestamp::now(),
                elapsed: clock::monotonic(),
            };
            sinks.send(self.engine.update(snapshot, now));
        }
    }

    fn count(&self, sinks: &Sinks) {
        let alerts = self.engine.tallies(sinks.tallies());
        let metrics = self.exporter.metrics();
        metrics.show_tallies(&self.hooks.tallies(), &alerts);
        metrics.show_lost_lines(self.lost_lines.count());
    }
}
