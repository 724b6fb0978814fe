//! A real Prometheus scrapes an agent's metrics, evaluates the rules and answers the dashboard.

use crate::kit::monitoring::dist::{panel_queries, rule_queries, selectors};
use crate::kit::monitoring::http;
use crate::kit::monitoring::prometheus::Prometheus;
use crate::kit::{Need, require};
use crate::metrics;

#[test]
fn a_real_one_answers_every_query() {
    if !require([Need::Program("prometheus")]) {
        return;
    }
    let prometheus = Prometheus::start(http::serve(metrics::exposition));
    prometheus.wait("count_over_time(up[10s]) >= 3");
    prometheus.wait("job_health:observer_sockets:sum");

    // Every series that was offered was taken.
    for name in metrics::names() {
        assert!(prometheus.query(name).unwrap() > 0, "{name}");
    }
    let panels = panel_queries();
    assert!(panels.len() > 20);
    for (title, query) in &panels {
        let series = prometheus
            .query(query)
            .unwrap_or_else(|error| panic!("{title}: {error}"));
        assert!(series > 0, "{title}: no data from {query}");
    }
    let rules = rule_queries();
    assert!(rules.len() > 10);
    for (name, query) in &rules {
        // An alert that does not fire has no data; what it looks at must have.
        prometheus
            .query(query)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // What an agent without hooks says, and this one does not.
    let elsewhere = "observer_host_info{hooks=\"none\"}";
    let all = panels.iter().chain(&rules);
    for (name, query) in all {
        for selector in selectors(query) {
            if selector == elsewhere {
                continue;
            }
            assert!(
                prometheus.query(&selector).unwrap() > 0,
                "{name}: nothing is {selector}"
            );
        }
    }
    let groups = prometheus.ask("/api/v1/rules").unwrap();
    let groups = groups["groups"].as_array().unwrap();
    let evaluated = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap());
    assert_eq!(evaluated.clone().count(), rules.len());
    for rule in evaluated {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    // And the questions can fail.
    assert_eq!(
        prometheus.query("observer_sockets{verdict=\"nothing\"}"),
        Ok(0)
    );
    assert!(prometheus.query("sum(").is_err());
}
