//! Runs a target, and reads from its log what came of it.

use std::{
    fmt,
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Signal, nice, set_parent_process_death_signal};
use xtask::env;

use super::{Limit, Target, corpus::Corpus, work_dir};

/// For an input that takes thousands of times as long as others, on a machine that does other things.
const INPUT_TIMEOUT_S: u32 = 20;
/// Of the whole process. Each input's own bound is in fuzz/src/lib.rs.
const MEMORY_MIB: u32 = 512;
/// A run by number ends then at the latest.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Lines of a log that are shown when something was found.
const SHOWN_LINES: usize = 30;
/// Too long to mutate, so it is tried as it is.
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// A target's program.
pub(super) struct Program {
    pub(super) target: Target,
    program: PathBuf,
    corpus: Corpus,
    /// Inputs that made it fail.
    failed: PathBuf,
    log: PathBuf,
}

impl Program {
    pub(super) fn new(root: &Path, target: Target, programs: &Path) -> Self {
        let name = target.name;
        Self {
            target,
            program: programs.join(name),
            corpus: Corpus {
                seeds: root.join("fuzz/corpus").join(name),
                grown: work_dir(root).join("corpus").join(name),
            },
            failed: root.join("fuzz/artifacts").join(name),
            log: work_dir(root).join(format!("{name}.log")),
        }
    }

    /// Tries inputs until the limit.
    pub(super) fn fuzz(&self, limit: Limit) -> Result<Report> {
        fs::create_dir_all(&self.corpus.grown)?;
        fs::create_dir_all(&self.failed)?;
        let log = File::create(&self.log)?;
        let mut command = self.command();
        let (runs, time) = match limit {
            Limit::Time(time) => (-1, time),
            Limit::Runs(runs) => (i64::try_from(runs)?, LONGEST),
        };
        command
            .arg(format!("-runs={runs}"))
            .arg(format!("-max_total_time={}", time.as_secs()))
            .arg(format!("-artifact_prefix={}/", self.failed.display()))
            .args(["-print_final_stats=1", "-reduce_inputs=1"])
            .args([&self.corpus.grown, &self.corpus.seeds])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let started = Instant::now();
        let status = command
            .status()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        let took = started.elapsed();
        let log = fs::read(&self.log)?;
        let log = String::from_utf8_lossy(&log);
        if !status.success() {
            bail!("{}", self.finding(&log));
        }
        if self.target.name == "btf" && Path::new(KERNEL_BTF).exists() {
            self.once(Path::new(KERNEL_BTF))?;
        }
        Report::read(&log, self.target.name, took, self.corpus.grown()?)
            .with_context(|| format!("libFuzzer's log says too little: {}", self.log.display()))
    }

    /// Adds to the committed seeds what grew here and covers more.
    pub(super) fn merge(&self) -> Result<()> {
        self.corpus.merge(self.target.name, self.command())
    }

    /// The end of the log, and how to see it again.
    fn finding(&self, log: &str) -> String {
        let found = log
            .lines()
            .find_map(|line| line.split_once("Test unit written to "));
        let repeat = match found {
            Some((_, file)) => format!(
                "repeat it by `cargo xtask fuzz {} --input {file}`",
                self.target.name
            ),
            None => "no input was kept".to_owned(),
        };
        let from = ["panicked at", "ERROR: libFuzzer"];
        let lines: Vec<&str> = log.lines().collect();
        let start = lines
            .iter()
            .position(|line| from.iter().any(|from| line.contains(from)))
            .unwrap_or(lines.len().saturating_sub(SHOWN_LINES));
        let shown: Vec<&str> = lines.into_iter().skip(start).take(SHOWN_LINES).collect();
        format!(
            "{}\n{repeat}\nlog: {}",
            shown.join("\n"),
            self.log.display()
        )
    }

    /// Runs one input, which may have any length, and shows what comes of it.
    pub(super) fn repeat(&self, input: &Path) -> Result<()> {
        if !input.is_file() {
            bail!("no file {}", input.display());
        }
        env::run(self.command().arg(input))
    }

    fn once(&self, input: &Path) -> Result<()> {
        env::output(self.command().arg(input))
            .with_context(|| format!("on {}", input.display()))
            .map(drop)
    }

    /// The program at the lowest priority, which does not outlive this one.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(format!("-max_len={}", self.target.max_len))
            .arg(format!("-timeout={INPUT_TIMEOUT_S}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB}"));
        // SAFETY: both are plain system calls.
        unsafe {
            command.pre_exec(|| {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                nice(19)?;
                Ok(())
            });
        }
        command
    }
}

/// Result of a run.
pub(super) struct Report {
    name: &'static str,
    runs: u64,
    took: Duration,
    coverage: u64,
    corpus: usize,
    peak_mib: u64,
}

impl Report {
    pub(super) const HEADER: &str =
        "TARGET            RUNS      TIME   RUNS/S  COVERAGE  CORPUS  PEAK";

    fn read(log: &str, name: &'static str, took: Duration, corpus: usize) -> Option<Self> {
        let stat = |stat: &str| {
            let line = log.lines().find_map(|line| line.strip_prefix(stat));
            line?.trim_start_matches(':').trim().parse().ok()
        };
        let coverage = log.lines().rev().find_map(|line| {
            let (_, after) = line.split_once(" cov: ")?;
            after.split(' ').next()?.parse().ok()
        });
        Some(Self {
            name,
            runs: stat("stat::number_of_executed_units")?,
            took,
            coverage: coverage?,
            corpus,
            peak_mib: stat("stat::peak_rss_mb")?,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64();
        write!(
            f,
            "{:<11} {:>10} {:>7.0} s {:>8.0} {:>9} {:>7} {:>4}M",
            self.name,
            self.runs,
            seconds,
            self.runs as f64 / seconds,
            self.coverage,
            self.corpus,
            self.peak_mib
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read() {
        let log = "#2\tINITED cov: 20 ft: 20 corp: 1/1b exec/s: 0 rss: 27Mb\n\
                   #9\tDONE   cov: 446 ft: 1989 corp: 772/119Kb lim: 954 exec/s: 5 rss: 28Mb\n\
                   Done 9 runs in 13 second(s)\n\
                   stat::number_of_executed_units: 9\nstat::peak_rss_mb:              28\n";
        let report = Report::read(log, "btf", Duration::from_secs(3), 7).unwrap();
        assert_eq!(
            report.to_string(),
            "btf                  9       3 s        3       446       7   28M"
        );
        assert!(Report::read("", "btf", Duration::from_secs(3), 7).is_none());
    }
}
