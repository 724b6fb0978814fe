//! Runs all clients at the same time, and records what observer and the middlebox show.

use std::{
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};
use tempfile::TempDir;

use super::{
    clients::{Client, PORT, POSTGRES_PORT, PROBING_PORT},
    conntrack::Entries,
    judge::{End, Outcome},
    middlebox::{Lab, SERVER},
    observations::{self, Sample},
    observe::{self, Lines},
    plan::Plan,
    postgres,
    processes::Process,
    row::{self, Row},
    server::ServeArgs,
};

/// Time between two polls of the clients and of the middlebox's table.
const TICK: Duration = Duration::from_millis(50);

/// Time between the starts of two clients.
const STAGGER: Duration = Duration::from_millis(100);

/// Time by which a server accepts connections.
const SOON: Duration = Duration::from_secs(20);

pub(super) struct LabRun {
    pub(super) rows: Vec<Row>,
    pub(super) took: Duration,
    /// `true` where the middlebox's table of connections could be read.
    pub(super) table_is_read: bool,
}

/// A client that was started.
struct Running<'a> {
    client: &'a Client,
    process: Process,
    prints: PathBuf,
    ended: Option<Ended>,
}

struct Ended {
    at_s: f64,
    end: End,
    last_error: Option<String>,
}

pub(super) fn run(plan: &Plan, clients: &[&Client]) -> Result<LabRun> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&stop)).context("cannot catch signals")?;
    }
    let lab = Lab::new(plan.limit_s, plan.forgotten, plan.probe_s())?;
    let _servers = Servers::start(plan, &lab, clients)?;
    let began = Instant::now();
    let prints = plan.work.join("watch");
    let watch = Process::start(&observe::watch(plan), &prints)?;
    let mut running = Vec::new();
    let mut seen = Seen {
        lab: &lab,
        entries: Entries::default(),
        changes: Lines::of(&prints.with_extension("out"))?,
        began,
    };
    let samples = thread::scope(|scope| {
        let (stop_listing, end) = mpsc::channel();
        let listing = scope.spawn(move || observe::list_repeatedly(plan, began, &end));
        let is_over = || stop.load(Ordering::Relaxed) || listing.is_finished();
        let followed = start(plan, clients, &mut running, &mut seen)
            .and_then(|()| follow(plan, &mut running, &mut seen, is_over));
        drop(stop_listing);
        let samples = listing.join();
        followed?;
        samples.map_err(|_| anyhow::anyhow!("the thread that asks observer panicked"))?
    })?;
    if stop.load(Ordering::Relaxed) {
        bail!("interrupted");
    }
    let took = began.elapsed();
    drop(watch);
    let table_is_read = lab.table()?.is_some();
    let finish = |it| finish(plan, it, &samples, &seen, table_is_read);
    let rows = running.into_iter().map(finish).collect();
    Ok(LabRun {
        rows,
        took,
        table_is_read,
    })
}

/// Entries of the middlebox's table, and lines of `observer watch`.
struct Seen<'a> {
    lab: &'a Lab,
    entries: Entries,
    changes: Lines,
    began: Instant,
}

impl Seen<'_> {
    /// Reads both, and returns the time.
    fn poll(&mut self) -> Result<f64> {
        let now_s = self.began.elapsed().as_secs_f64();
        if let Some(table) = self.lab.table()? {
            self.entries.update(&table, now_s);
        }
        self.changes.read(now_s)?;
        Ok(now_s)
    }
}

/// Starts them one after the other: all at once would take each other's time.
fn start<'a>(
    plan: &Plan,
    clients: &[&'a Client],
    running: &mut Vec<Running<'a>>,
    seen: &mut Seen<'_>,
) -> Result<()> {
    for (number, client) in clients.iter().copied().enumerate() {
        let prints = plan.work.join(format!("client-{number}"));
        let words = client.command(plan)?;
        let netns = if client.tuned {
            &seen.lab.tuned_client
        } else {
            &seen.lab.client
        };
        running.push(Running {
            client,
            process: netns.inside(|| Process::start(&words, &prints))?,
            prints,
            ended: None,
        });
        seen.poll()?;
        thread::sleep(STAGGER);
    }
    Ok(())
}

/// Waits until every client has ended or its time is over.
fn follow(
    plan: &Plan,
    running: &mut [Running<'_>],
    seen: &mut Seen<'_>,
    is_over: impl Fn() -> bool,
) -> Result<()> {
    let started = Instant::now();
    while running.iter().any(|it| it.ended.is_none()) && !is_over() {
        let now_s = seen.poll()?;
        let timed_out = started.elapsed() > plan.timeout() + plan.start_up;
        for it in running.iter_mut().filter(|it| it.ended.is_none()) {
            it.ended = it.poll(now_s, timed_out)?;
        }
        thread::sleep(TICK);
    }
    Ok(())
}

impl Running<'_> {
    fn poll(&mut self, at_s: f64, timed_out: bool) -> Result<Option<Ended>> {
        let (end, last_error) = if self.process.0.try_wait()?.is_some() {
            row::ended(&self.prints)
        } else if timed_out {
            (End::Hung, None)
        } else {
            return Ok(None);
        };
        Ok(Some(Ended {
            at_s,
            end,
            last_error,
        }))
    }
}

fn finish(
    plan: &Plan,
    running: Running<'_>,
    samples: &[Sample],
    seen: &Seen<'_>,
    table_is_read: bool,
) -> Row {
    let (its, connections) = row::of_process(samples, running.process.0.id());
    let moments = observations::moments(&its, plan.limit_s as f64);
    let ended = running.ended.unwrap_or(Ended {
        at_s: 0.0,
        end: End::Failed,
        last_error: None,
    });
    let local = moments.as_ref().map(|it| it.half.local);
    let mut changes = local.map_or_else(Vec::new, |local| {
        observations::changes(&seen.changes.read, local)
    });
    changes.retain(|change| change.at_s < ended.at_s);
    let entry = local.and_then(|local| seen.entries.of(local));
    Row {
        name: running.client.name,
        changes,
        outcome: Outcome {
            end: ended.end,
            ended_s: ended.at_s,
            entry: row::entry(table_is_read, entry),
        },
        connections,
        last_error: ended.last_error,
        moments,
    }
}

/// Servers that answer the clients.
struct Servers {
    _http: Process,
    /// Before its data, which it holds.
    _postgres: Option<(Process, TempDir)>,
}

impl Servers {
    fn start(plan: &Plan, lab: &Lab, clients: &[&Client]) -> Result<Self> {
        let programs =
            postgres::programs().filter(|_| clients.iter().any(|it| it.needs_postgres()));
        let postgres = programs
            .map(|programs| start_postgres(plan, lab, &programs))
            .transpose()?;
        let [listen, probing] = [PORT, PROBING_PORT].map(address);
        let (listen, probing) = (listen?, probing?);
        let mut words = ServeArgs::words(listen, probing, plan.probe_s());
        let testbed = std::env::current_exe().context("where is the testbed's own program?")?;
        words.insert(0, testbed.to_string_lossy().into_owned());
        let prints = plan.work.join("server");
        let http = lab.server.inside(|| Process::start(&words, &prints))?;
        let mut ports = vec![listen, probing];
        if postgres.is_some() {
            ports.push(address(POSTGRES_PORT)?);
        }
        lab.server.inside(|| wait_for(&ports, &plan.work))?;
        Ok(Self {
            _http: http,
            _postgres: postgres,
        })
    }
}

fn address(port: u16) -> Result<SocketAddr> {
    Ok(SocketAddr::new(SERVER.parse()?, port))
}

fn start_postgres(plan: &Plan, lab: &Lab, programs: &Path) -> Result<(Process, TempDir)> {
    // Not below the target folder: the server's user may not get there.
    let data = tempfile::Builder::new()
        .prefix("observer-lab-")
        .tempdir()
        .context("cannot make a folder for PostgreSQL")?;
    postgres::prepare(programs, data.path())?;
    let mut server = postgres::server(programs, data.path());
    let prints = plan.work.join("postgres");
    let process = lab.server.inside(|| Process::spawn(&mut server, &prints))?;
    Ok((process, data))
}

/// Waits until all of them accept connections.
fn wait_for(addresses: &[SocketAddr], prints: &Path) -> Result<()> {
    let until = Instant::now() + SOON;
    for address in addresses {
        while TcpStream::connect_timeout(address, TICK).is_err() {
            if Instant::now() > until {
                bail!(
                    "the server at {address} did not start; see {}",
                    prints.display()
                );
            }
            thread::sleep(TICK);
        }
    }
    Ok(())
}
