//! Start of the agent: its threads, and what each keeps of the process's privileges.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc::unbounded_channel;

use super::collector::Collector;
use super::command::Command;
use super::event_loop::{EventLoop, TICK};
use super::hooks::HookFollower;
use super::host_sources::HostSources;
use super::log::LostLines;
use super::scan_requests::ScanRequests;
use super::settings::{SweepSettings, server_config, stale_after};
use super::{memory, sandbox};
use crate::alert::{AlertSettings, Engine};
use crate::config::Config;
use crate::exporter::{Exporter, ExporterSettings, ReadQuery, Server};
use crate::source::{HooksChoice, ScanChoice, ScanMethod};

/// Options that an agent is started with.
pub struct Launch {
    /// Configuration, with what flags override.
    pub config: Config,
    /// Reads it again, for the same flags.
    pub reload: Box<dyn Fn() -> anyhow::Result<Config> + Send>,
    /// File that it is read from.
    pub file: PathBuf,
    /// Scan methods to try.
    pub scan: ScanChoice,
    /// Attach modes of hooks to try.
    pub hooks: HooksChoice,
    /// Name of this host, if not its own.
    pub host: Option<String>,
    /// Reads the parameters of `/api/v1/sockets`.
    pub read_query: ReadQuery,
    /// Counter of log lines that were lost.
    pub lost_lines: LostLines,
}

/// Requests for full scans that may wait: more than there are connections.
const MOST_COMMANDS: usize = 1024;

/// Runs until a signal ends it.
///
/// # Errors
/// It cannot start, or a thread without which it is none has ended.
pub fn run(launch: Launch) -> anyhow::Result<()> {
    memory::set_up();
    let sources = HostSources::open(launch.scan, launch.hooks)?;
    let server_config = server_config(&launch.config);
    let server = Server::bind(&server_config)?;
    // The port that the kernel chose, where none was asked for.
    let listen = server.local_addr().map_or_else(
        || server_config.listen.to_string(),
        |address| address.to_string(),
    );
    let settings = Arc::new(SweepSettings::of(&launch.config));
    let (commands, received) = mpsc::sync_channel(MOST_COMMANDS);
    let (swept, sweeps) = unbounded_channel();
    let hooks = Arc::new(HookFollower::new());
    hooks.set_late_from(settings.least_limit_s());
    let info = sources.info(launch.host.as_deref());
    let status = format!(
        "sweeps every {} by {}, hooks by {}, serves {listen}",
        launch.config.scan.interval, info.scan, info.hooks
    );
    let kept = match sources.source.scan_method() {
        ScanMethod::Bpf => sandbox::COLLECTOR,
        ScanMethod::Diag => sandbox::COLLECTOR_BY_DIAG,
    };
    let hooks_thread = sources.hooks.map(|monitor| {
        let hooks = Arc::clone(&hooks);
        spawn("hooks", sandbox::HOOKS, move || hooks.run(monitor))
    });
    let hooks_thread = hooks_thread.transpose()?;
    let changes = Arc::clone(&hooks.changes);
    let collector = Collector::new(
        sources.source,
        Arc::clone(&settings),
        changes,
        received,
        swept,
    );
    let _ends_with_the_process = spawn("collector", kept, move || collector.run())?;

    // From here on this thread and those that it starts talk to others, and do no more.
    sandbox::keep_only(sandbox::NETWORK)?;
    sandbox::confine_network(&launch.file, &launch.config);
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
        full_scans: Arc::new(ScanRequests {
            commands: commands.clone(),
        }),
        read_query: launch.read_query,
    };
    let alerts = AlertSettings::new(&launch.config.alert, &launch.config.scan, &info.host);
    let event_loop = EventLoop {
        exporter: Arc::new(Exporter::new(info.clone(), exporter_settings)),
        engine: Engine::new(alerts),
        host: info.host,
        commands: commands.clone(),
        hooks: Arc::clone(&hooks),
        reloader: server.reloader(),
        config: launch.config,
        read_config: launch.reload,
        lost_lines: launch.lost_lines,
        status,
        last: None,
    };
    let outcome = runtime.block_on(event_loop.run(server, sweeps));
    stop(&commands, &hooks, hooks_thread);
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}

fn stop(commands: &SyncSender<Command>, hooks: &HookFollower, thread: Option<JoinHandle<()>>) {
    drop(commands.try_send(Command::Stop));
    hooks.stop();
    if let Some(thread) = thread {
        // It takes the hooks' header away.
        drop(thread.join());
    }
}

fn spawn(
    name: &str,
    kept: rustix::thread::CapabilitySet,
    work: impl FnOnce() + Send + 'static,
) -> anyhow::Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    let thread = thread.spawn(move || {
        if let Err(error) = sandbox::keep_only(kept) {
            tracing::error!("{error:#}");
            return;
        }
        work();
    });
    thread.with_context(|| format!("cannot start the thread {name}"))
}
