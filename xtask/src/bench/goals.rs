//! What the benchmark has to show.

use super::list::{DIAG, FEW, Faster, JSONL, Measured, TABLE, Timings};

/// One goal and what was measured.
pub(super) struct Goal {
    pub(super) name: String,
    pub(super) measured: f64,
    pub(super) limit: Limit,
}

#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// Times faster than the baseline, in pairs and at best.
    AtLeastTimes(f64),
    AtMostMib(f64),
    UnderMs(f64),
}

impl Goal {
    pub(super) fn met(&self) -> bool {
        match self.limit {
            Limit::AtLeastTimes(least) => self.measured >= least,
            Limit::AtMostMib(most) => self.measured <= most,
            Limit::UnderMs(bound) => self.measured < bound,
        }
    }
}

pub(super) fn check(measured: &Measured) -> Vec<Goal> {
    let mut goals = vec![faster(
        "the bpf scan alone".to_owned(),
        measured.faster(&measured.scan_ms),
        20.0,
    )];
    for (command, least) in [(TABLE, 8.0), (JSONL, 4.0), (DIAG, 2.0)] {
        let ratio = measured
            .many(command)
            .and_then(|timings| measured.faster(&timings.took_ms()));
        goals.push(faster(command.to_owned(), ratio, least));
    }
    let own = |timings: &&Timings| timings.command.starts_with("observer");
    let many = measured.many.iter().filter(own);
    goals.extend(many.map(|timings| rss(timings, measured.sockets, 96.0)));
    goals.extend(measured.few.iter().map(|timings| rss(timings, FEW, 24.0)));
    if !measured.host.guest {
        goals.push(Goal {
            name: "the slowest cold start".to_owned(),
            measured: measured.idle.took_ms().into_iter().fold(0.0, f64::max),
            limit: Limit::UnderMs(150.0),
        });
    }
    goals
}

fn faster(name: String, ratio: Option<Faster>, least: f64) -> Goal {
    Goal {
        name,
        // Not measured is not met.
        measured: ratio.map_or(f64::NAN, |ratio| ratio.lesser()),
        limit: Limit::AtLeastTimes(least),
    }
}

fn rss(timings: &Timings, sockets: usize, most_mib: f64) -> Goal {
    Goal {
        name: format!("peak RSS of {} at {sockets} sockets", timings.command),
        measured: mib(timings.peak_rss_kib()),
        limit: Limit::AtMostMib(most_mib),
    }
}

pub(super) fn mib(kib: u64) -> f64 {
    u32::try_from(kib).map_or(f64::INFINITY, f64::from) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::{Goal, Limit};

    #[test]
    fn what_was_not_measured_is_missed() {
        let met = |measured, limit| {
            let name = String::new();
            Goal {
                name,
                measured,
                limit,
            }
            .met()
        };
        assert!(met(8.0, Limit::AtLeastTimes(8.0)));
        assert!(!met(f64::NAN, Limit::AtLeastTimes(8.0)));
        assert!(met(96.0, Limit::AtMostMib(96.0)));
        assert!(!met(150.0, Limit::UnderMs(150.0)));
    }
}
