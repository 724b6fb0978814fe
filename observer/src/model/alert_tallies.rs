//! Counts of alerts, and of their deliveries to sinks.

/// Counts of alerts since the agent began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertTallies {
    /// Groups that began to fire.
    pub firing: u64,
    /// Groups that were resolved.
    pub resolved: u64,
    /// Groups that fire now.
    pub active: u64,
    /// Groups that there was no room for, counted again at each sweep that finds them.
    pub groups_dropped: u64,
    /// Deliveries to each sink, in the order of the configuration.
    pub sinks: Vec<SinkTally>,
}

/// Deliveries to one sink, counted in alerts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SinkTally {
    /// Name of the sink: its kind, and a number from the second of a kind on.
    pub name: String,
    /// Alerts that the sink took.
    pub ok: u64,
    /// Alerts in attempts that failed; they are repeated.
    pub error: u64,
    /// Alerts given up: there was no room to wait, or the sink refuses them.
    pub dropped: u64,
}
