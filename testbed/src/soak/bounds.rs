//! Bounds on the agent at the end, judged by what was measured.

use super::{
    samples::{Quantity, Sample, row},
    shared::INTERVAL,
    trend,
};

/// Measurements from the load's beginning to the agent's end.
pub(super) struct Measured {
    pub(super) is_guest: bool,
    /// One a second under load, those of warming up left out.
    pub(super) samples: Vec<Sample>,
    /// Before the load, and when it was over for some time.
    pub(super) before: Sample,
    pub(super) after: Sample,
    /// Descriptors that are kept, before and after.
    pub(super) kept_fds: [usize; 2],
    /// Programs, maps and links in the kernel, before, after, and when the agent was gone.
    pub(super) in_kernel: [usize; 3],
    /// Sockets in the map of notes after, counted in the kernel.
    pub(super) notes_in_kernel: Option<usize>,
    /// `true` where hooks are attached.
    pub(super) has_hooks: bool,
    pub(super) longest_gap_s: f64,
    /// Errors of the load itself, wrong answers included.
    pub(super) faults: Vec<String>,
    /// Kinds of load that came to nothing.
    pub(super) came_to_nothing: Vec<&'static str>,
    /// Lines of the log that were not provoked.
    pub(super) complaints: Vec<String>,
    /// Warnings that were given more than once.
    pub(super) repeated: Vec<String>,
    /// Broken configurations, and complaints about them.
    pub(super) broken: [u64; 2],
    /// Seconds from the last connection's crossing to the alert, and from its end to the alert's, by
    /// the reliable sink and the unreliable one.
    pub(super) alerted_s: [[f64; 2]; 2],
    /// Exit of the agent, and the time it took.
    pub(super) is_clean: bool,
    pub(super) stop_s: f64,
}

/// A bound, and whether it holds.
pub(super) struct Bound {
    pub(super) name: &'static str,
    pub(super) found: String,
    pub(super) allowed: String,
    pub(super) holds: bool,
}

/// Anonymous memory may drift by so much over the whole of a run, however long it is. Without a leak
/// it was within 100 KiB over ten minutes.
const MOST_DRIFT_KIB: f64 = 1024.0;
/// The agent gives back what is free each ten seconds; between, answers and sweeps come and go.
const WINDOW_S: f64 = 20.0;
/// In a run this short, buffers are still being filled for the first time.
const SHORT_S: f64 = 240.0;
const MOST_DRIFT_WHEN_SHORT_KIB: f64 = 4096.0;
const MOST_RSS_KIB: f64 = 96.0 * 1024.0;
/// The runtime's threads for work that blocks come and go.
const MOST_THREADS: f64 = 48.0;
/// Sockets that end while they are counted, and those of whoever asks.
const STRAY_NOTES: f64 = 64.0;
/// A scrape shows what is up to so old.
const BODY_AGE_S: f64 = 1.0;
/// Workloads that have series of their own, and the others.
const MOST_WORKLOAD_SERIES: f64 = 5.0 * 51.0;

impl Bound {
    /// A bound on a number; one that was not measured is out of bounds.
    fn at_most(name: &'static str, found: f64, most: f64, unit: &str) -> Self {
        Self {
            name,
            found: with(found, unit),
            allowed: format!("at most {}", with(most, unit)),
            holds: found <= most,
        }
    }

    fn exactly(name: &'static str, found: f64, wanted: f64) -> Self {
        Self {
            name,
            found: with(found, ""),
            allowed: with(wanted, ""),
            holds: found == wanted,
        }
    }

    fn none(name: &'static str, found: &[impl AsRef<str>]) -> Self {
        let first = found.first().map_or("none", AsRef::as_ref);
        let others = found.len().saturating_sub(1);
        Self {
            name,
            found: match others {
                0 => first.to_owned(),
                _ => format!("{first} (and {others} more)"),
            },
            allowed: "none".to_owned(),
            holds: found.is_empty(),
        }
    }
}

fn with(value: f64, unit: &str) -> String {
    match unit {
        "" => format!("{value:.0}"),
        "s" => format!("{value:.1} s"),
        _ => format!("{value:.0} {unit}"),
    }
}

pub(super) fn check(measured: &Measured) -> Vec<Bound> {
    let mut bounds = kept(measured);
    bounds.splice(0..0, memory(measured));
    bounds.extend(work(measured));
    bounds.extend(ending(measured));
    bounds
}

fn memory(measured: &Measured) -> [Bound; 2] {
    let anonymous = row(&measured.samples, Quantity::Anonymous);
    let (drift, most_drift) = if measured.lasts_s(SHORT_S) {
        let low = trend::low_water(&anonymous, WINDOW_S);
        (trend::drift(&low), MOST_DRIFT_KIB)
    } else {
        (trend::drift(&anonymous), MOST_DRIFT_WHEN_SHORT_KIB)
    };
    [
        Bound::at_most("drift of anonymous memory", drift, most_drift, "KiB"),
        Bound::at_most(
            "most resident memory",
            measured.most(Quantity::Rss),
            MOST_RSS_KIB,
            "KiB",
        ),
    ]
}

/// A bound on what is there before: the same has to be there afterwards, and no more.
fn kept(measured: &Measured) -> Vec<Bound> {
    let Measured { before, after, .. } = measured;
    let [kept_before, kept_after] = measured.kept_fds.map(|count| count as f64);
    let [held_before, held_after, _] = measured.in_kernel.map(|count| count as f64);
    let series =
        |sample: &Sample| sample.get(Quantity::Series) - sample.get(Quantity::WorkloadSeries);
    let mut bounds = vec![
        Bound::at_most("descriptors after it", kept_after, kept_before, ""),
        Bound::at_most(
            "threads after it",
            after.get(Quantity::Threads),
            before.get(Quantity::Threads),
            "",
        ),
        Bound::at_most(
            "most threads",
            measured.most(Quantity::Threads),
            MOST_THREADS,
            "",
        ),
        Bound::exactly("objects in the kernel after it", held_after, held_before),
        Bound::at_most(
            "series of workloads",
            measured.most(Quantity::WorkloadSeries),
            MOST_WORKLOAD_SERIES,
            "",
        ),
        Bound::exactly("other series after it", series(after), series(before)),
    ];
    if measured.has_hooks {
        // Other programs' sockets are remembered, too.
        let more_sockets = (after.get(Quantity::Sockets) - before.get(Quantity::Sockets)).max(0.0);
        let most = before.get(Quantity::Notes) + more_sockets + STRAY_NOTES;
        let counted = measured
            .notes_in_kernel
            .map_or(f64::NAN, |notes| notes as f64);
        bounds.extend([
            Bound::at_most("notes after it", after.get(Quantity::Notes), most, ""),
            Bound::at_most("notes after it, in the kernel", counted, most, ""),
            Bound::exactly(
                "notes rejected",
                measured.gained(Quantity::NotesRejected),
                0.0,
            ),
            Bound::exactly("events lost", measured.gained(Quantity::EventsLost), 0.0),
        ]);
    }
    bounds
}

fn work(measured: &Measured) -> Vec<Bound> {
    let interval_s = INTERVAL.as_secs_f64();
    let most_gap_s = interval_s + 1.0 + BODY_AGE_S + measured.slow_s();
    let [broken, complaints] = measured.broken.map(|count| count as f64);
    vec![
        Bound::exactly(
            "failed sweeps",
            measured.gained(Quantity::ScanFailures),
            0.0,
        ),
        Bound::at_most(
            "longest time between sweeps",
            measured.longest_gap_s,
            most_gap_s,
            "s",
        ),
        Bound::none("answers that are wrong", &measured.faults),
        Bound::none("load that came to nothing", &measured.came_to_nothing),
        Bound::none("complaints that nothing provoked", &measured.complaints),
        Bound::none("warnings given again", &measured.repeated),
        Bound::exactly(
            "broken configurations that were refused",
            complaints,
            broken,
        ),
        Bound::exactly("alerts dropped", measured.gained(Quantity::Dropped), 0.0),
        Bound::exactly(
            "groups dropped",
            measured.gained(Quantity::GroupsDropped),
            0.0,
        ),
        Bound::exactly(
            "log lines lost",
            measured.gained(Quantity::LogLinesLost),
            0.0,
        ),
    ]
}

fn ending(measured: &Measured) -> Vec<Bound> {
    let slack_s = measured.tolerance_s();
    let soon_s = INTERVAL.as_secs_f64() + 1.0 + slack_s;
    // From the first sweep without it, a second has to pass, and the next sweep to come.
    let over_s = soon_s + 1.0 + INTERVAL.as_secs_f64();
    // It had been failing, and is tried again after a time drawn by lot.
    let again_s = 60.0;
    let [[fires, ends], [fires_late, ends_late]] = measured.alerted_s;
    let left = measured
        .in_kernel
        .last()
        .map_or(f64::NAN, |left| *left as f64);
    vec![
        Bound::at_most("the last danger is reported", fires, soon_s, "s"),
        Bound::at_most("its end is reported", ends, over_s, "s"),
        Bound::at_most(
            "the unreliable sink gets the same",
            fires_late,
            again_s,
            "s",
        ),
        Bound::at_most("and its end", ends_late, again_s, "s"),
        Bound::at_most("time to stop", measured.stop_s, 1.0 + slack_s, "s"),
        Bound::exactly(
            "unclean stops",
            f64::from(u8::from(!measured.is_clean)),
            0.0,
        ),
        Bound::exactly("objects left in the kernel", left, 0.0),
    ]
}

impl Measured {
    /// An emulated machine may stand still for a moment.
    fn tolerance_s(&self) -> f64 {
        if self.is_guest { 3.0 } else { 0.0 }
    }

    /// On an emulated machine a sweep may take longer than the interval: the next one begins when it
    /// has ended, and a scan for those who ask, which takes as long, is between the two.
    fn slow_s(&self) -> f64 {
        let sweep_s = self.most(Quantity::Sweep) / 1e3;
        let looks_s = if self.is_guest { 2.0 * sweep_s } else { 0.0 };
        self.tolerance_s() + looks_s
    }

    /// `true` where there are samples of so long a time.
    fn lasts_s(&self, least_s: f64) -> bool {
        match (self.samples.first(), self.samples.last()) {
            (Some(first), Some(last)) => last.at_s - first.at_s >= least_s,
            _ => false,
        }
    }

    fn most(&self, what: Quantity) -> f64 {
        let values = row(&self.samples, what).into_iter().map(|(_, value)| value);
        values.reduce(f64::max).unwrap_or(f64::NAN)
    }

    fn gained(&self, what: Quantity) -> f64 {
        self.after.get(what) - self.before.get(what)
    }
}

#[cfg(test)]
#[path = "bounds_tests.rs"]
mod tests;
