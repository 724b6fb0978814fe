//! Metrics of observer's own process, as every Prometheus client library has them.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::registry::Unit;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::family::{Family, MetricKind, Samples};

pub(super) static FAMILIES: [Family; 7] = [
    Family {
        base: "process_cpu",
        unit: Some(Unit::Seconds),
        kind: MetricKind::Counter,
        help: "User and system CPU time of the observer process",
        labels: &[],
        samples: |_, samples| push(samples, Stat::read().map(|stat| stat.cpu_s)),
    },
    Family {
        base: "process_resident_memory",
        unit: Some(Unit::Bytes),
        kind: MetricKind::Gauge,
        help: "Resident memory of the observer process",
        labels: &[],
        samples: |_, samples| push(samples, Stat::read().map(|stat| stat.resident_bytes)),
    },
    Family {
        base: "process_virtual_memory",
        unit: Some(Unit::Bytes),
        kind: MetricKind::Gauge,
        help: "Virtual memory of the observer process",
        labels: &[],
        samples: |_, samples| push(samples, Stat::read().map(|stat| stat.virtual_bytes)),
    },
    Family {
        base: "process_start_time",
        unit: Some(Unit::Seconds),
        kind: MetricKind::Gauge,
        help: "When the observer process began, in seconds since 1970",
        labels: &[],
        samples: |_, samples| push(samples, started_s()),
    },
    Family {
        base: "process_threads",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Threads of the observer process",
        labels: &[],
        samples: |_, samples| push(samples, Stat::read().map(|stat| stat.threads)),
    },
    Family {
        base: "process_open_fds",
        unit: None,
        kind: MetricKind::Gauge,
        help: "Open file descriptors of the observer process",
        labels: &[],
        samples: |_, samples| push(samples, open_fds()),
    },
    Family {
        base: "process_max_fds",
        unit: None,
        kind: MetricKind::Gauge,
        help: "File descriptors that the observer process may open",
        labels: &[],
        samples: |_, samples| push(samples, getrlimit(Resource::Nofile).current),
    },
];

/// Pushes a value; one that cannot be read is left out: unknown is not 0.
fn push<T: Into<super::family::Number>>(samples: &mut Samples<'_>, value: Option<T>) {
    if let Some(value) = value {
        samples.push([], value);
    }
}

/// Some fields of `/proc/self/stat`, proc_pid_stat(5).
#[derive(Debug, PartialEq)]
pub(crate) struct Stat {
    cpu_s: f64,
    threads: u64,
    started_after_boot_s: f64,
    virtual_bytes: u64,
    resident_bytes: u64,
}

impl Stat {
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        Self::parse(
            &text,
            ticks_per_s(),
            u64::try_from(rustix::param::page_size()).ok()?,
        )
    }

    pub(crate) fn parse(text: &str, ticks_per_s: u64, page_bytes: u64) -> Option<Self> {
        // The name is in parentheses, and may hold blanks and parentheses itself.
        let (_, after_name) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
        // Fields are numbered from 1, and the third is the first one here.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |ticks: u64| ticks as f64 / ticks_per_s as f64;
        Some(Self {
            cpu_s: seconds(field(14)?.checked_add(field(15)?)?),
            threads: field(20)?,
            started_after_boot_s: seconds(field(22)?),
            virtual_bytes: field(23)?,
            resident_bytes: field(24)?.checked_mul(page_bytes)?,
        })
    }
}

fn ticks_per_s() -> u64 {
    rustix::param::clock_ticks_per_second()
}

/// The same at each scrape, though clocks are corrected in between. By clocks, since the thread that
/// serves may not read `/proc/stat`.
fn started_s() -> Option<f64> {
    static STARTED_S: OnceLock<Option<f64>> = OnceLock::new();
    *STARTED_S.get_or_init(|| {
        let seconds = |clock| {
            let now = Duration::try_from(clock_gettime(clock)).ok()?;
            Some(now.as_secs_f64())
        };
        let booted_s = seconds(ClockId::Realtime)? - seconds(ClockId::Boottime)?;
        let started_s = booted_s + Stat::read()?.started_after_boot_s;
        // More digits than the kernel's own would be made up.
        Some((started_s * 100.0).round() / 100.0)
    })
}

fn open_fds() -> Option<u64> {
    let listed = fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them is this listing's own.
    u64::try_from(listed.saturating_sub(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses_do_not_shift_the_fields() {
        let text = "812 (a) b (c) S 1 1 1 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 9 0 4200 1000000 25 18446744073709551615 1";
        let stat = Stat::parse(text, 100, 4096).unwrap();
        assert_eq!(
            stat,
            Stat {
                cpu_s: 2.0,
                threads: 9,
                started_after_boot_s: 42.0,
                virtual_bytes: 1_000_000,
                resident_bytes: 25 * 4096,
            }
        );
        assert_eq!(Stat::parse("812 (a) S 1", 100, 4096), None);
        // More than memory can hold.
        let text = text.replace(" 25 ", " 18446744073709551615 ");
        assert_eq!(Stat::parse(&text, 100, 4096), None);
    }

    #[test]
    fn this_process_is_read() {
        let stat = Stat::read().unwrap();
        assert!(
            stat.threads >= 1 && stat.resident_bytes > 100_000,
            "{stat:?}"
        );
        let now_s = jiff::Timestamp::now().as_millisecond() as f64 / 1000.0;
        let age_s = now_s - started_s().unwrap();
        assert!((-2.0..3600.0).contains(&age_s), "{age_s}");
        assert!(open_fds().unwrap() >= 3);
    }
}
