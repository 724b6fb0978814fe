//! Metrics of one scrape.

/// `/metrics` in the Prometheus text format.
pub(crate) struct Metrics(pub(crate) String);

impl Metrics {
    fn samples(&self) -> impl Iterator<Item = (&str, f64)> {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series, value.parse().ok()?))
        })
    }

    /// The value of a series, written as in the text. What is not there is no number.
    pub(crate) fn value(&self, series: &str) -> f64 {
        let found = self.samples().find(|(name, _)| *name == series);
        found.map_or(f64::NAN, |(_, value)| value)
    }

    /// The sum of all series of the metric that have the label.
    pub(crate) fn sum(&self, metric: &str, label: &str) -> f64 {
        self.of(metric)
            .filter(|(series, _)| series.contains(label))
            .map(|(_, value)| value)
            .sum()
    }

    fn of(&self, metric: &str) -> impl Iterator<Item = (&str, f64)> {
        self.samples().filter(move |(series, _)| {
            let rest = series.strip_prefix(metric);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        })
    }

    /// Number of series.
    pub(crate) fn series(&self) -> usize {
        self.samples().count()
    }

    /// Number of series of a metric.
    pub(crate) fn series_of(&self, metric: &str) -> usize {
        self.of(metric).count()
    }
}

/// Counts sweeps by the time that the metrics are as of.
#[derive(Default)]
pub(crate) struct SweepTimes(Vec<f64>);

impl SweepTimes {
    pub(crate) fn see(&mut self, metrics: &Metrics) {
        let at = metrics.value("observer_scan_timestamp_seconds");
        if self.0.last() != Some(&at) {
            self.0.push(at);
        }
    }

    /// Those since the first that was seen.
    pub(crate) fn count(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    /// The longest time from one to the next, in seconds; none where there were no two.
    pub(crate) fn longest_gap_s(&self) -> f64 {
        let gaps = self.0.windows(2).map(|pair| match pair {
            [before, after] => after - before,
            _ => f64::NAN,
        });
        gaps.reduce(f64::max).unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_by_name_and_label() {
        let text = "# HELP a b\na{x=\"1\",y=\"2\"} 3\na{x=\"2\"} 4\nab 5\nt 1.5\n";
        let metrics = Metrics(text.to_owned());
        assert_eq!(metrics.value("ab"), 5.0);
        assert!(metrics.value("a").is_nan());
        assert_eq!(metrics.sum("a", ""), 7.0);
        assert_eq!(metrics.sum("a", "x=\"1\""), 3.0);
        assert_eq!((metrics.series(), metrics.series_of("a")), (4, 2));
    }

    #[test]
    fn looks_are_counted_by_their_times() {
        let mut sweeps = SweepTimes::default();
        for at in ["10", "10", "20.5", "50"] {
            sweeps.see(&Metrics(format!("observer_scan_timestamp_seconds {at}\n")));
        }
        assert_eq!((sweeps.count(), sweeps.longest_gap_s()), (2, 29.5));
    }
}
