//! `observer watch` beside `watch -n1 ss -tnop`: the CPU time of each in a real terminal over the
//! same sockets, and how soon a key is answered.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::{holders::Holders, interrupt, plan, stat::rounded};

#[derive(clap::Args)]
pub(super) struct WatchArgs {
    /// TCP sockets on loopback, both ends counted
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub(super) sockets: usize,
    /// Processes that hold them
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub(super) processes: usize,
    /// Duration of each measurement
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(super) seconds: u64,
}

/// Debian packages of the programs that it needs.
pub(super) const PACKAGES: [&str; 3] = ["iproute2", "procps", "tmux"];

/// Goals: CPU time that observer saves at least, and the time in which it answers a key.
pub(super) const LEAST_RATIO: f64 = 10.0;
pub(super) const MOST_KEY_MS: f64 = 100.0;
/// Until the first scan is shown, and whatever is done once is done.
const SETTLE: Duration = Duration::from_secs(4);
const KEYS: usize = 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Watch {
    pub(super) sockets: usize,
    /// Duration of each measurement.
    pub(super) seconds: u64,
    pub(super) observer_s: f64,
    pub(super) ss_s: f64,
    /// The slowest answer to a key, with the time that tmux takes.
    pub(super) slowest_key_ms: f64,
}

impl Watch {
    /// Ratio of the other's CPU time to observer's.
    pub(super) fn times_less(&self) -> f64 {
        // Clock ticks are counted: less than one is not known to be less.
        self.ss_s / self.observer_s.max(0.01)
    }
}

pub(super) fn measure(plan: &plan::Watch, processes: usize, observer: &Path) -> Result<Watch> {
    eprintln!("testbed: watch");
    let _holders = Holders::start(plan.sockets, processes)?;
    let lasts = Duration::from_secs(plan.seconds);
    let ours = Terminal::start(
        "observer",
        &format!("{} watch --interval 1s", observer.display()),
    )?;
    sleep(SETTLE);
    let keys = ours.key_latencies()?;
    let observer_s = ours.cpu_s_during(lasts)?;
    drop(ours);
    let theirs = Terminal::start("ss", "watch -n1 ss -tnop")?;
    sleep(SETTLE);
    let ss_s = theirs.cpu_s_during(lasts)?;
    let slowest = keys.into_iter().max().context("no key was tried")?;
    Ok(Watch {
        sockets: plan.sockets,
        seconds: plan.seconds,
        observer_s: rounded(observer_s),
        ss_s: rounded(ss_s),
        slowest_key_ms: rounded(slowest.as_secs_f64() * 1000.0),
    })
}

/// A terminal of tmux in which one command runs.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// Each has a server of its own: one that is ending may still be there.
    fn start(name: &str, command: &str) -> Result<Self> {
        let terminal = Self {
            socket: interrupt::name(&format!("-{name}")),
        };
        let size = ["-x", "200", "-y", "50"];
        let command = format!("exec env LC_ALL=C.UTF-8 {command}");
        terminal.run(
            &[
                &["-f", "/dev/null", "new-session", "-d"][..],
                &size,
                &[&command],
            ]
            .concat(),
        )?;
        Ok(terminal)
    }

    fn run(&self, args: &[&str]) -> Result<Output> {
        let output = Command::new("tmux")
            .args(["-L", &self.socket])
            .args(args)
            .output()
            .context("cannot start tmux")?;
        if !output.status.success() {
            bail!("tmux {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(output)
    }

    /// User and system time of the command and the children it has waited for.
    fn cpu_s(&self) -> Result<f64> {
        let pid = self.run(&["display-message", "-p", "#{pane_pid}"])?;
        let pid = String::from_utf8_lossy(&pid.stdout).trim().to_owned();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("process {pid} is gone"))?;
        // After the name, which may hold anything, the state is field 3.
        let (_, rest) = stat.rsplit_once(") ").context("no name in stat")?;
        let ticks: u64 = rest
            .split_whitespace()
            .skip(11)
            .take(4)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    fn cpu_s_during(&self, lasts: Duration) -> Result<f64> {
        let before = self.cpu_s()?;
        sleep(lasts);
        Ok(self.cpu_s()? - before)
    }

    fn screen(&self) -> Result<Vec<u8>> {
        // With styles: a key may move no more than the mark.
        Ok(self.run(&["capture-pane", "-p", "-e"])?.stdout)
    }

    /// From a key until the screen shows it, with the time that tmux takes.
    fn key_latencies(&self) -> Result<Vec<Duration>> {
        // While paused, nothing but keys changes the screen.
        self.run(&["send-keys", "Space"])?;
        sleep(Duration::from_millis(500));
        let mut took = Vec::new();
        for n in 0..KEYS {
            let before = self.screen()?;
            let began = Instant::now();
            self.run(&["send-keys", if n % 4 == 3 { "s" } else { "Down" }])?;
            while self.screen()? == before {
                if began.elapsed() > Duration::from_secs(5) {
                    bail!("a key is not answered");
                }
            }
            took.push(began.elapsed());
        }
        self.run(&["send-keys", "Space"])?;
        Ok(took)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _gone = self.run(&["kill-server"]);
    }
}
