//! Growth of one number with another: the line nearest to the points.

/// The exponent `b` of `time = a * sockets^b`: the slope of the line nearest to the points where both
/// are logarithms. `None` with fewer than two numbers of sockets, or with what has no logarithm.
pub(super) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let exponent = slope(&logs);
    exponent.is_finite().then_some(exponent)
}

/// The slope by least squares; no number with fewer than two places on the first axis.
pub(super) fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let rise: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    let run: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    rise / run
}

#[cfg(test)]
mod tests {
    use super::{exponent, slope};

    fn of(power: f64) -> f64 {
        let points = [1e3, 1e4, 1e5].map(|sockets: f64| (sockets, 7.0 * sockets.powf(power)));
        exponent(&points).unwrap()
    }

    #[test]
    fn powers_are_found() {
        for power in [0.0, 0.5, 1.0, 2.0] {
            assert!((of(power) - power).abs() < 1e-9, "{power}: {}", of(power));
        }
    }

    #[test]
    fn the_nearest_line_is_taken() {
        // Logarithms 0, 1, 2 against 0, 2, 1: the slope of least squares is 1/2.
        let e = std::f64::consts::E;
        let points = [(1.0, 1.0), (e, e * e), (e * e, e)];
        assert!((exponent(&points).unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn the_slope_of_a_line_is_its_slope() {
        assert_eq!(slope(&[(1.0, 3.0), (2.0, 5.0), (4.0, 9.0)]), 2.0);
    }

    #[test]
    fn too_little_has_no_exponent() {
        assert_eq!(exponent(&[]), None);
        assert_eq!(exponent(&[(1000.0, 3.0)]), None);
        assert_eq!(exponent(&[(1000.0, 3.0), (1000.0, 4.0)]), None);
        assert_eq!(exponent(&[(1000.0, 3.0), (2000.0, 0.0)]), None);
    }
}
