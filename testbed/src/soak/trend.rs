//! Trend of a row of measurements, whatever single ones of them do.

use crate::bench::stat;

/// A measurement: seconds since the beginning, and a value.
pub(super) type Point = (f64, f64);

/// More points than this are thinned out before slopes are taken of all pairs of them.
const MOST_POINTS: usize = 300;

/// The middle of the values that are known; none of no values.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    stat::median(values.into_iter().filter(|value| !value.is_nan()))
}

/// The slope by Theil and Sen, in units a second: the median of the slopes of all pairs of points.
/// More than a quarter of the points would have to be off to move it; one number of two is none.
pub(super) fn slope(points: &[Point]) -> f64 {
    let known = points.iter().filter(|(_, value)| !value.is_nan());
    let known: Vec<Point> = known.copied().collect();
    let step = known.len().div_ceil(MOST_POINTS).max(1);
    let thinned: Vec<Point> = known.into_iter().step_by(step).collect();
    let pairs = thinned.iter().enumerate().flat_map(|(index, (at, value))| {
        let later = thinned.iter().skip(index + 1);
        later.map(move |(later_at, later_value)| (later_value - value) / (later_at - at))
    });
    median(pairs.filter(|slope| slope.is_finite()))
}

/// The least value of each so many seconds, at its time: what is left when what comes for a moment and
/// goes is taken away.
pub(super) fn low_water(points: &[Point], window_s: f64) -> Vec<Point> {
    let window = |point: &Point| (point.0 / window_s).floor();
    let windows = points.chunk_by(|one, next| window(one) == window(next));
    let least = windows.filter_map(|points| {
        let known = points.iter().filter(|(_, value)| !value.is_nan());
        known
            .copied()
            .min_by(|one, other| one.1.total_cmp(&other.1))
    });
    least.collect()
}

/// By how much the values rose from the first point to the last, going by [`slope`].
pub(super) fn drift(points: &[Point]) -> f64 {
    match (points.first(), points.last()) {
        (Some((first, _)), Some((last, _))) => slope(points) * (last - first),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten minutes, a sample each second, with the noise of scans: each tenth has 20 MiB more for a
    /// moment, the others up to 400 KiB.
    fn noisy(kib: impl Fn(f64) -> f64) -> Vec<Point> {
        let mut state = 0x9e37_79b9_u32;
        let point = |second: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 16) * 400.0 / 65_536.0;
            let scan = if second.is_multiple_of(10) {
                20_480.0
            } else {
                0.0
            };
            let at = f64::from(second);
            (at, 18_000.0 + noise + scan + kib(at))
        };
        (0..600).map(point).collect()
    }

    #[test]
    fn noise_is_no_trend() {
        assert!(drift(&noisy(|_| 0.0)).abs() < 100.0);
    }

    #[test]
    fn a_leak_is_a_trend_below_any_noise() {
        // 1 KiB for each of 2 connections a second.
        let found = drift(&noisy(|at| 2.0 * at));
        assert!((1_100.0..1_300.0).contains(&found), "{found}");
    }

    #[test]
    fn one_step_moves_the_slope_less_than_a_leak_to_the_same_height() {
        let step = drift(&noisy(|at| if at < 300.0 { 0.0 } else { 1_000.0 }));
        let late = drift(&noisy(|at| if at < 550.0 { 0.0 } else { 1_000.0 }));
        assert!((500.0..2_000.0).contains(&step), "{step}");
        assert!(late.abs() < 200.0, "{late}");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(slope(&[(0.0, 1.0), (1.0, f64::NAN), (2.0, 5.0)]), 2.0);
        assert!(slope(&[(0.0, 1.0)]).is_nan() && drift(&[]).is_nan());
        assert_eq!(median([3.0, f64::NAN, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0]), 2.5);
        assert!(median([]).is_nan());
    }

    #[test]
    fn the_low_water_is_the_least_of_each_window() {
        let points = [
            (0.0, 3.0),
            (9.0, 1.0),
            (10.0, f64::NAN),
            (11.0, 7.0),
            (12.0, 5.0),
        ];
        assert_eq!(low_water(&points, 10.0), [(9.0, 1.0), (12.0, 5.0)]);
        assert_eq!(low_water(&[], 10.0), []);
        let low = low_water(&noisy(|at| 2.0 * at), 20.0);
        assert!(low.iter().all(|(at, value)| *value < 18_400.0 + 2.0 * at));
    }

    #[test]
    fn long_rows_are_thinned_and_keep_their_slope() {
        let row: Vec<Point> = (0..20_000)
            .map(|at| (f64::from(at), 0.5 * f64::from(at)))
            .collect();
        assert!((slope(&row) - 0.5).abs() < 1e-9);
    }
}
