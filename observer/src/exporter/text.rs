//! The Prometheus text format 0.0.4, made from OpenMetrics text.
//!
//! For counters and gauges, and there is nothing else here, the two differ only in their comments:
//! 0.0.4 gives the type of the samples' own name, and knows no unit and no end.

/// Translates line by line.
pub(super) fn from_openmetrics(openmetrics: &str) -> String {
    let mut out = String::with_capacity(openmetrics.len());
    // The help comes before the type, which decides the name of both.
    let mut help = None;
    for line in openmetrics.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            push(&mut out, &[line]);
            continue;
        };
        if let Some(described) = comment.strip_prefix("HELP ") {
            help = described.split_once(' ');
        } else if let Some((name, kind)) = comment
            .strip_prefix("TYPE ")
            .and_then(|typed| typed.split_once(' '))
        {
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some((_, text)) = help.take() {
                push(&mut out, &["# HELP ", name, suffix, " ", text]);
            }
            push(&mut out, &["# TYPE ", name, suffix, " ", kind]);
        }
    }
    out
}

fn push(out: &mut String, line: &[&str]) {
    out.extend(line.iter().copied());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_of_the_samples_own_names() {
        let openmetrics = "\
# HELP a_seconds A time
# TYPE a_seconds counter
# UNIT a_seconds seconds
a_seconds_total{x=\"# TYPE b counter\"} 0.25
# HELP b One
# TYPE b gauge
b 1
# HELP c_info What
# TYPE c_info gauge
c_info{v=\"\\\\ \\\" \\n\"} 1
# EOF
";
        assert_eq!(
            from_openmetrics(openmetrics),
            "\
# HELP a_seconds_total A time
# TYPE a_seconds_total counter
a_seconds_total{x=\"# TYPE b counter\"} 0.25
# HELP b One
# TYPE b gauge
b 1
# HELP c_info What
# TYPE c_info gauge
c_info{v=\"\\\\ \\\" \\n\"} 1
"
        );
    }
}
