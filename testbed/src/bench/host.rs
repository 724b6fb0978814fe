//! Host that the numbers were measured on.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use xtask::env;

/// The machine, and the versions of what is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Host {
    pub(crate) kernel: String,
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) memory_mib: u64,
    /// An emulated guest of `cargo xtask vm`, whose first scan need not be quick.
    pub(crate) guest: bool,
    pub(super) ss: String,
    pub(crate) observer: String,
}

impl Host {
    pub(crate) fn read(observer: &Path) -> Result<Self> {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let meminfo = fs::read_to_string("/proc/meminfo")?;
        let memory_kib: u64 = value(&meminfo, "MemTotal")
            .and_then(|value| value.split(' ').next())
            .and_then(|kib| kib.parse().ok())
            .context("/proc/meminfo has no MemTotal")?;
        Ok(Self {
            kernel: release(&kernel).to_owned(),
            cpu: value(&cpuinfo, "model name").unwrap_or("?").to_owned(),
            cpus: cpus(),
            memory_mib: memory_kib / 1024,
            guest: is_guest(),
            ss: version_of_ss()?,
            observer: env::stdout(Command::new(observer).arg("--version"))?,
        })
    }
}

/// The numbers of a kernel's release, without what its builder added.
fn release(kernel: &str) -> &str {
    let end = kernel.find(|digit: char| !digit.is_ascii_digit() && digit != '.');
    kernel.get(..end.unwrap_or(kernel.len())).unwrap_or(kernel)
}

/// `iproute2-6.1.0`, of a longer line.
fn version_of_ss() -> Result<String> {
    let line = env::stdout(Command::new("ss").arg("-V"))?;
    let version = line
        .split([',', ' '])
        .find(|word| word.starts_with("iproute2"));
    Ok(version.unwrap_or(&line).to_owned())
}

/// `true` in a guest of `cargo xtask vm`.
pub(super) fn is_guest() -> bool {
    std::env::var_os("OBSERVER_GUEST").is_some()
}

pub(super) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The value of a `key : value` line of a file in /proc.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.into_iter().find(|(found, _)| found.trim() == key)?;
    Some(value.trim())
}

/// CPU time that the host has spent on anything but idling, since it booted.
pub(super) fn busy_ms() -> Result<f64> {
    // In /proc/stat, as sysconf(_SC_CLK_TCK) has on every architecture.
    const MS_PER_TICK: f64 = 10.0;
    let stat = fs::read_to_string("/proc/stat")?;
    let ticks = busy_ticks(&stat).context("/proc/stat begins otherwise than expected")?;
    Ok(ticks * MS_PER_TICK)
}

/// Adds up user, nice, system, irq, softirq and steal, and leaves out idle and iowait.
fn busy_ticks(stat: &str) -> Option<f64> {
    const BUSY: [usize; 6] = [0, 1, 2, 5, 6, 7];
    let all = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<f64> = all
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    BUSY.iter().map(|index| ticks.get(*index)).sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn idling_is_not_work() {
        let stat = "cpu  1 20 300 9999 9999 4000 50000 600000 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(super::busy_ticks(stat), Some(654_321.0));
        assert_eq!(super::busy_ticks("cpu  1 20\n"), None);
        assert_eq!(super::release("6.12.48+deb13-cloud-amd64\n"), "6.12.48");
        let cpuinfo = "model name\t: A: fast one\n";
        assert_eq!(super::value(cpuinfo, "model name"), Some("A: fast one"));
    }
}
