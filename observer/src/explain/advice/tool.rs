//! Tools and libraries that take keepalive as an option.

use super::Advice;
use crate::policy::remedy::KeepaliveValues;

pub(super) fn curl(values: KeepaliveValues) -> Advice {
    Advice::new(
        "curl takes the first probe and the time between probes as one number, in seconds.",
        format!("curl --keepalive-time {} URL\n", values.idle_s),
    )
}

pub(super) fn wget(values: KeepaliveValues) -> Advice {
    Advice::new(
        "wget has no option for it and never sets SO_KEEPALIVE: use another tool.",
        format!("curl --keepalive-time {} -fLO URL\n", values.idle_s),
    )
}

pub(super) fn libpq(values: KeepaliveValues) -> Advice {
    let KeepaliveValues {
        idle_s,
        interval_s,
        probes,
    } = values;
    Advice::new(
        "libpq takes it in the connection string, of psql and of every driver built on it (psycopg, PHP, Ruby pg).",
        format!(
            "psql \"host=HOST dbname=NAME keepalives=1 keepalives_idle={idle_s} keepalives_interval={interval_s} keepalives_count={probes}\"\n"
        ),
    )
}
