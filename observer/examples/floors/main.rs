//! Least cost of a walk of every descriptor, beside observer's own: an empty walk, one that
//! touches each TCP socket, the agent's summary and a full scan, in turn, as JSON on stdout.
//!
//! For `cargo xtask bench`; as root: `floors ROUNDS`. To profile one: `floors ROUNDS summary`.

mod walks;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use observer::kernel::KernelScanner;
use observer::model::StateSet;
use observer::model::scan::ScanRequest;
use observer::policy::Policy;
use observer::source::summary::{InKernelSummary, SummaryRequest};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use walks::Walks;

/// So many rounds come before those that count.
const WARM_UP: usize = 2;

fn main() -> anyhow::Result<()> {
    let (rounds, kinds) = arguments()?;
    let mut bench = Bench::open()?;
    let mut result = Floors {
        touched: bench.walks.count()?,
        summarized: 0,
        scanned: 0,
        kinds: kinds.into_iter().map(Runs::new).collect(),
    };
    let count = result.kinds.len();
    for round in 0..WARM_UP + rounds {
        // In each round another one comes first.
        for index in 0..count {
            let runs = &mut result.kinds[(round + index) % count];
            let (found, cost) = timed(|| bench.run(runs.kind))?;
            match runs.kind {
                WalkKind::Summary => result.summarized = found,
                WalkKind::Scan => result.scanned = found,
                WalkKind::Empty | WalkKind::Touch => {}
            }
            if round >= WARM_UP {
                runs.wall_ms.push(cost.wall_ms);
                runs.cpu_ms.push(cost.cpu_ms);
            }
        }
    }
    println!("{}", serde_json::to_string(&result)?);
    Ok(())
}

/// Number of rounds, and the walk.
fn arguments() -> anyhow::Result<(usize, Vec<WalkKind>)> {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().context("usage: floors ROUNDS [KIND]")?;
    let rounds: usize = rounds.parse().context("ROUNDS must be a number")?;
    if rounds == 0 {
        bail!("ROUNDS must be at least 1");
    }
    let kinds = match arguments.next() {
        Some(name) => vec![serde_json::from_value(name.into()).context("no such KIND")?],
        None => WalkKind::ALL.into(),
    };
    Ok((rounds, kinds))
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WalkKind {
    /// Visits every descriptor and does nothing.
    Empty,
    /// Reads two fields of each TCP socket.
    Touch,
    /// As the agent sweeps at each interval.
    Summary,
    /// As `observer list` scans, without judging and printing.
    Scan,
}

impl WalkKind {
    const ALL: [Self; 4] = [Self::Empty, Self::Touch, Self::Summary, Self::Scan];
}

/// All that was measured.
#[derive(Serialize)]
struct Floors {
    /// Descriptors of TCP sockets that the touching walk comes upon.
    touched: u64,
    /// Connected sockets that the last summary found.
    summarized: u64,
    /// Connected sockets that the last scan found.
    scanned: u64,
    kinds: Vec<Runs>,
}

/// One kind's runs, in order.
#[derive(Serialize)]
struct Runs {
    kind: WalkKind,
    wall_ms: Vec<f64>,
    /// Of all threads of this process, those that ended too.
    cpu_ms: Vec<f64>,
}

impl Runs {
    fn new(kind: WalkKind) -> Self {
        Self {
            kind,
            wall_ms: Vec::new(),
            cpu_ms: Vec::new(),
        }
    }
}

struct Bench {
    walks: Walks,
    scanner: KernelScanner,
    summary: InKernelSummary,
    policy: Policy,
}

impl Bench {
    fn open() -> anyhow::Result<Self> {
        let mut bench = Self {
            walks: Walks::load()?,
            scanner: KernelScanner::open()?,
            summary: InKernelSummary::default(),
            policy: Policy::default(),
        };
        // As in the agent, a scan comes first: it finds the length of a jiffy.
        bench.scan()?;
        bench.scanner.prepare_summary()?;
        Ok(bench)
    }

    /// Runs one, and says how many sockets it found.
    fn run(&mut self, kind: WalkKind) -> anyhow::Result<u64> {
        match kind {
            WalkKind::Empty => self.walks.empty().map(|()| 0),
            WalkKind::Touch => self.walks.touch().map(|()| 0),
            WalkKind::Summary => self.summarize(),
            WalkKind::Scan => self.scan(),
        }
    }

    fn summarize(&mut self) -> anyhow::Result<u64> {
        let request = SummaryRequest {
            policy: &self.policy,
            by_comm: false,
        };
        let summary = self.summary.summarize(&mut self.scanner, &request)?;
        let summary = summary.context("this host's sockets cannot be summarized, only scanned")?;
        Ok(summary.healthy.total() + summary.sockets.len() as u64)
    }

    fn scan(&mut self) -> anyhow::Result<u64> {
        let states = StateSet::CONNECTED;
        let scan = self.scanner.scan(&ScanRequest { states })?;
        Ok(scan.sockets.len() as u64)
    }
}

struct Cost {
    wall_ms: f64,
    cpu_ms: f64,
}

fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, Cost)> {
    let (cpu_before, began) = (cpu_time()?, Instant::now());
    let result = work()?;
    let wall = began.elapsed();
    let cpu = cpu_time()?.saturating_sub(cpu_before);
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let cost = Cost {
        wall_ms: ms(wall),
        cpu_ms: ms(cpu),
    };
    Ok((result, cost))
}

/// CPU time of this process, all threads together.
fn cpu_time() -> anyhow::Result<Duration> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).context("the CPU clock shows what is no time")
}
