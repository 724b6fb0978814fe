//! Goals, and what became of them.

use super::{known, table::Table};
use crate::bench::goals::{Goal, Limit, Outcome};

pub(in crate::bench) fn goals(goals: &[Goal]) -> String {
    let mut table = Table::new(["goal", "limit", "measured", "outcome"]);
    for goal in goals {
        let (limit, measured) = limit(goal);
        let outcome = match goal.outcome() {
            Outcome::Met => "met",
            Outcome::Missed => "**missed**",
            Outcome::NotMeasured => "not measured",
        };
        table.row([goal.name.clone(), limit, measured, outcome.to_owned()]);
    }
    table.to_string()
}

fn limit(goal: &Goal) -> (String, String) {
    let (words, bound, decimals, unit) = match goal.limit {
        Limit::AtLeastTimes(least) => ("at least", least, 1, "x"),
        Limit::AtMostTimes(most) => ("at most", most, 2, "x"),
        Limit::AtMostMib(most) => ("at most", most, 1, " MiB"),
        Limit::UnderMs(bound) => ("under", bound, 1, " ms"),
    };
    let measured = match goal.measured {
        Some(_) => format!("{}{unit}", known(goal.measured, decimals)),
        None => "?".to_owned(),
    };
    (format!("{words} {bound}{unit}"), measured)
}
