//! Goals of `bench agent`.

/// One goal and what was measured.
pub(super) struct Goal {
    pub(super) name: String,
    measured: String,
    pub(super) met: bool,
}

impl Goal {
    /// A number that may not be exceeded. What was not measured, which is no number, is missed.
    pub(super) fn at_most(name: impl Into<String>, measured: f64, most: f64, unit: &str) -> Self {
        Self {
            name: format!("{}: at most {}", name.into(), with(most, 0, unit)),
            measured: with(measured, 1, unit),
            met: measured <= most,
        }
    }

    pub(super) fn at_least(name: impl Into<String>, measured: f64, least: f64, unit: &str) -> Self {
        Self {
            name: format!("{}: at least {}", name.into(), with(least, 0, unit)),
            measured: with(measured, 1, unit),
            met: measured >= least,
        }
    }

    /// A count that has to be this one.
    pub(super) fn exactly(name: impl Into<String>, measured: usize, wanted: usize) -> Self {
        Self {
            name: format!("{}: {wanted}", name.into()),
            measured: measured.to_string(),
            met: measured == wanted,
        }
    }
}

/// Counts have no unit, and no decimals.
fn with(value: f64, decimals: usize, unit: &str) -> String {
    match unit {
        "" => format!("{value:.0}"),
        _ => format!("{value:.decimals$} {unit}"),
    }
}

pub(super) fn print(goals: &[Goal]) {
    println!("\n| goal | measured | |");
    println!("|---|---:|---|");
    for goal in goals {
        let met = if goal.met { "met" } else { "**missed**" };
        println!("| {} | {} | {met} |", goal.name, goal.measured);
    }
}

#[cfg(test)]
mod tests {
    use super::Goal;

    #[test]
    fn what_was_not_measured_is_missed() {
        assert!(Goal::at_most("", 64.0, 64.0, "MiB").met);
        assert!(!Goal::at_most("", f64::NAN, 64.0, "MiB").met);
        assert!(!Goal::at_least("", f64::NAN, 1.0, "").met);
        assert!(!Goal::exactly("", 1, 2).met);
    }
}
