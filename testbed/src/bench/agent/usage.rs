//! Memory, CPU time and descriptors of a process, from /proc.

use std::fs;

use anyhow::{Context as _, Result};

#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time of all its threads, also those that ended.
    pub(crate) cpu_s: f64,
    pub(crate) rss_kib: u64,
    /// The most that was resident since it began.
    pub(crate) peak_kib: u64,
    pub(crate) fds: usize,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let read = |name: &str| {
            fs::read_to_string(format!("/proc/{pid}/{name}"))
                .with_context(|| format!("process {pid} is gone"))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        let kib = |key: &str| memory_kib(&status, key).with_context(|| format!("no {key}"));
        Ok(Self {
            cpu_s: ticks(&stat).context("an unusual stat")? as f64
                / rustix::param::clock_ticks_per_second() as f64,
            rss_kib: kib("VmRSS")?,
            peak_kib: kib("VmHWM")?,
            fds: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
        })
    }

    pub(crate) fn rss_mib(&self) -> f64 {
        self.rss_kib as f64 / 1024.0
    }

    pub(crate) fn peak_mib(&self) -> f64 {
        self.peak_kib as f64 / 1024.0
    }
}

/// User and system time in `/proc/PID/stat`: fields 14 and 15, of which the second is a name that
/// may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

fn memory_kib(status: &str, key: &str) -> Option<u64> {
    let of_key = |line: &str| Some(line.strip_prefix(key)?.strip_prefix(':')?.to_owned());
    let value = status.lines().find_map(of_key)?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let stat = "812 (a) b (c) S 1 1 1 0 -1 4194560 100 0 0 0 150 50 7 7 20 0 9 0 4200";
        assert_eq!(ticks(stat), Some(200));
        let status = "VmPeak:\t  9 kB\nVmHWM:\t   2048 kB\nVmRSS:\t 1024 kB\n";
        assert_eq!(memory_kib(status, "VmHWM"), Some(2048));
        assert_eq!(memory_kib(status, "Vm"), None);
        assert!(Usage::of(std::process::id()).unwrap().rss_kib > 0);
    }
}
