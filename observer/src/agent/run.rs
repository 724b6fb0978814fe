//! Starts the agent's threads, and ties together what they find and who is told.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc as channel, oneshot};

use super::desk::Desk;
use super::hooks::Followed;
use super::log::LostLines;
use super::looks::{Look, Looks, Order};
use super::memory;
use super::privilege::{self, Files};
use super::said::Said;
use super::service;
use super::settings::Settings;
use crate::alert::engine::Now;
use crate::alert::sink::SinkTiming;
use crate::alert::{AlertSettings, Engine, Sinks};
use crate::config::Config;
use crate::config::listen::Listen;
use crate::exporter::{
    Exporter, ExporterSettings, HostInfo, ReadQuery, Reloader, Server, ServerConfig, ServerLimits,
    TlsFiles,
};
use crate::host::clock;
use crate::model::State;
use crate::model::scan::ScanRequest;
use crate::model::socket::StateSet;
use crate::policy::{HostSnapshot, Segments};
use crate::source::{HooksChoice, Losses, ScanChoice, ScanMethod, Source};

/// What an agent is started with.
pub struct Launch {
    /// The configuration, with what flags override.
    pub config: Config,
    /// Reads it again, for the same flags.
    pub reload: Box<dyn Fn() -> anyhow::Result<Config> + Send>,
    /// The file that it is read from.
    pub file: PathBuf,
    /// How to scan.
    pub scan: ScanChoice,
    /// How to hook.
    pub hooks: HooksChoice,
    /// The name of this host, if not its own.
    pub host: Option<String>,
    /// Reads the parameters of `/api/v1/sockets`.
    pub read_query: ReadQuery,
    /// Lines of the log that were lost.
    pub lost_lines: LostLines,
}

/// Questions for full scans that wait: more than there are connections.
const MOST_ORDERS: usize = 1024;
/// What hooks count is shown this often.
const TICK: Duration = Duration::from_secs(1);
/// Memory that answers and looks left free goes back this often.
const GIVE_BACK: Duration = Duration::from_secs(10);
/// Alerts that wait at the end are sent within this time, or found again by the next agent.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs until told to end.
///
/// # Errors
/// It cannot start, or a thread without which it is none has ended.
pub fn run(launch: Launch) -> anyhow::Result<()> {
    memory::set_up();
    let host = Host::open(&launch)?;
    let server_config = server_config(&launch.config);
    let server = Server::bind(&server_config)?;
    // The port that the kernel chose, where none was asked for.
    let listen = server.local_addr().map_or_else(
        || server_config.listen.to_string(),
        |address| address.to_string(),
    );
    let settings = Arc::new(Settings::of(&launch.config));
    let (orders, to_look) = mpsc::sync_channel(MOST_ORDERS);
    let (looked, looks) = channel::unbounded_channel();
    let followed = Arc::new(Followed::new());
    followed.set_late_from(settings.least_limit_s());
    let facts = host.facts(launch.host.as_deref());
    let status = format!(
        "looks by {} each {}, hooks by {}, serves {listen}",
        facts.scan, launch.config.scan.interval, facts.hooks
    );
    let kept = match host.source.scan_method() {
        ScanMethod::Bpf => privilege::LOOKS,
        ScanMethod::Diag => privilege::LOOKS_BY_DIAG,
    };
    let hooks_thread = host.losses.map(|losses| {
        let followed = Arc::clone(&followed);
        spawn("hooks", privilege::HOOKS, move || followed.run(losses))
    });
    let hooks_thread = hooks_thread.transpose()?;
    let looks_thread = Looks {
        source: host.source,
        settings: Arc::clone(&settings),
        changes: Arc::clone(&followed.changes),
        orders: to_look,
        to: looked,
        segments: Segments::default(),
        last: None,
        full: None,
        said: Said::default(),
    };
    let _ends_with_the_process = spawn("looks", kept, move || looks_thread.run())?;

    // From here on this thread and those that it starts speak with others, and do no more.
    privilege::keep_only(privilege::NETWORK)?;
    confine(&launch, &server_config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("network")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let exporter_settings = ExporterSettings {
        workload_limit: launch.config.agent.workload_limit as usize,
        stale_after: stale_after(settings.interval),
        body_max_age: TICK,
        started_at: jiff::Timestamp::now(),
        full_scans: Arc::new(Desk {
            orders: orders.clone(),
        }),
        read_query: launch.read_query,
    };
    let agent = Agent {
        exporter: Arc::new(Exporter::new(facts.clone(), exporter_settings)),
        engine: Engine::new(AlertSettings::new(
            &launch.config.alert,
            &launch.config.scan,
            &facts.host,
        )),
        host: facts.host,
        orders: orders.clone(),
        followed: Arc::clone(&followed),
        reloader: server.reloader(),
        config: launch.config,
        reload: launch.reload,
        lost_lines: launch.lost_lines,
        status,
        last: None,
    };
    let outcome = runtime.block_on(agent.run(server, looks));
    drop(orders.try_send(Order::Stop));
    followed.stop();
    if let Some(thread) = hooks_thread {
        // It takes the hooks' header away.
        drop(thread.join());
    }
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}

fn spawn(
    name: &str,
    kept: rustix::thread::CapabilitySet,
    work: impl FnOnce() + Send + 'static,
) -> anyhow::Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    let thread = thread.spawn(move || {
        if let Err(error) = privilege::keep_only(kept) {
            tracing::error!("{error:#}");
            return;
        }
        work();
    });
    thread.with_context(|| format!("cannot start the thread {name}"))
}

/// A look is spared for a minute at most.
fn stale_after(interval: Duration) -> Duration {
    interval * 3 + Duration::from_secs(60)
}

fn server_config(config: &Config) -> ServerConfig {
    let agent = &config.agent;
    ServerConfig {
        listen: agent.listen.clone(),
        tls: agent.tls.as_ref().map(|tls| TlsFiles {
            cert: tls.cert.clone(),
            key: tls.key.clone(),
        }),
        web_config: agent.web_config.clone(),
        allow_plaintext: agent.allow_plaintext,
        limits: ServerLimits::default(),
    }
}

fn confine(launch: &Launch, server: &ServerConfig) {
    let tls = launch.config.agent.tls.iter();
    let sinks = launch.config.alert.sink.iter();
    let files = Files {
        read: [launch.file.clone()]
            .into_iter()
            .chain(tls.flat_map(|tls| [tls.cert.clone(), tls.key.clone()]))
            .chain(launch.config.agent.web_config.clone())
            .chain(sinks.filter_map(|sink| sink.ca.clone()))
            .collect(),
        removed: match &server.listen {
            Listen::Unix(path) => Some(path.clone()),
            Listen::Tcp(_) => None,
        },
    };
    match privilege::confine(&files) {
        Ok(status) => tracing::debug!(?status, "landlock"),
        Err(error) => tracing::warn!("landlock: {error:#}; the network's threads are not confined"),
    }
}

/// What looks at the host, opened with every privilege.
struct Host {
    source: Source,
    losses: Option<Losses>,
}

impl Host {
    fn open(launch: &Launch) -> anyhow::Result<Self> {
        let losses = match launch.hooks {
            HooksChoice::None => None,
            choice => match Losses::open(choice) {
                Ok(losses) => {
                    for notice in losses.notices() {
                        tracing::warn!("{notice}");
                    }
                    Some(losses)
                }
                Err(error) => {
                    tracing::warn!("no hooks: {error}");
                    None
                }
            },
        };
        let mut source = Source::open(launch.scan)?;
        if losses.is_some() {
            source.ask_running_observer();
        }
        // Whether iterators work shows in the first scan; later there is no privilege for the other way.
        source.scan(&ScanRequest {
            states: StateSet(State::Listen.bit()),
        })?;
        if let Err(error) = source.prepare_summaries() {
            tracing::warn!("{error}; every look reads every socket");
        }
        Ok(Self { source, losses })
    }

    fn facts(&self, name: Option<&str>) -> HostInfo {
        let uname = rustix::system::uname();
        HostInfo {
            host: name
                .map_or_else(|| uname.nodename().to_string_lossy(), Into::into)
                .into_owned(),
            kernel: uname.release().to_string_lossy().into_owned(),
            scan: self.source.scan_name(),
            hooks: self.losses.as_ref().map_or("none", Losses::way_name),
        }
    }
}

/// The part of the agent that speaks with others.
struct Agent {
    exporter: Arc<Exporter>,
    engine: Engine,
    host: String,
    orders: SyncSender<Order>,
    followed: Arc<Followed>,
    reloader: Reloader,
    config: Config,
    reload: Box<dyn Fn() -> anyhow::Result<Config> + Send>,
    lost_lines: LostLines,
    status: String,
    last: Option<Arc<HostSnapshot>>,
}

impl Agent {
    async fn run(
        mut self,
        server: Server,
        mut looks: channel::UnboundedReceiver<Look>,
    ) -> anyhow::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let handle = tokio::runtime::Handle::current();
        let mut sinks = Sinks::start(&self.config.alert.sink, SinkTiming::default(), &handle)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let exporter = Arc::clone(&self.exporter);
        let mut serving = tokio::spawn(server.run(exporter, async {
            // Dropped or told: either way it is time.
            drop(stopped.await);
        }));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let watchdog = service::watchdog().map(|within| within / 2);
        let (mut heard, mut told) = (Instant::now(), Instant::now());
        let mut gave_back = Instant::now();
        let outcome = loop {
            tokio::select! {
                look = looks.recv() => {
                    let Some(look) = look else {
                        break Err(anyhow::anyhow!("the thread that looks at the host has ended"));
                    };
                    heard = Instant::now();
                    self.take(look, &sinks);
                }
                _ = tick.tick() => {
                    self.count(&sinks);
                    let is_well = heard.elapsed() < stale_after(self.interval());
                    if is_well && watchdog.is_some_and(|each| told.elapsed() >= each) {
                        service::alive();
                        told = Instant::now();
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
        sinks.stop(LAST_WORDS).await;
        if !serving.is_finished() {
            drop(tokio::time::timeout(Duration::from_millis(300), serving).await);
        }
        outcome
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.config.scan.interval.ms)
    }

    fn take(&mut self, look: Look, sinks: &Sinks) {
        match look {
            Look::Taken(snapshot) => {
                self.exporter.show_snapshot(Arc::clone(&snapshot));
                if self.last.replace(snapshot).is_none() {
                    self.count(sinks);
                    tracing::info!("ready: {}", self.status);
                    service::ready(&self.status);
                }
            }
            // The last snapshot holds, and time goes on for alerts.
            Look::Spared => {}
            Look::Failed(error) => {
                self.exporter.metrics().scan_failed();
                tracing::error!("cannot look at the host: {error}");
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
        metrics.show_tallies(&self.followed.tallies(), &alerts);
        metrics.show_lost_lines(self.lost_lines.count());
    }

    /// Reads the configuration again; a bad one changes nothing.
    fn reload(&mut self, sinks: &mut Sinks) {
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
        let new = (self.reload)()?;
        let old = &self.config.agent;
        if new.agent.listen != old.listen || new.agent.workload_limit != old.workload_limit {
            tracing::warn!("listen and workload_limit change when the agent is restarted");
        }
        self.reloader.reload(&server_config(&new))?;
        sinks.replace(&new.alert.sink)?;
        self.engine
            .reconfigure(AlertSettings::new(&new.alert, &new.scan, &self.host));
        let settings = Arc::new(Settings::of(&new));
        self.followed.set_late_from(settings.least_limit_s());
        self.orders
            .try_send(Order::Settings(settings))
            .context("the thread that looks at the host is busy; try again")?;
        self.config = new;
        Ok(())
    }
}
