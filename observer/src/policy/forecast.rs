//! Forecast for a silent connection with keepalive: when its probes leave, as its timer stands, and
//! whether each comes before the path forgets the connection.
//!
//! Mirrors `tcp_keepalive_timer` in `net/ipv4/tcp_timer.c`. Counted values do not suffice: a timer that
//! was armed before a value changed still fires when it was meant to.

use super::path::PathLimit;
use crate::model::{Setting, Socket};

/// True where the next probe and every one after it comes in time; `None` where a value that decides is
/// unknown.
pub(super) fn is_in_time(socket: &Socket, path: &PathLimit) -> Option<bool> {
    let checks = [
        socket.keepalive.ends_without_probe().map(|ends| !ends),
        is_below(socket.keepalive.idle, path),
        is_below(socket.keepalive.interval, path),
        next_is_in_time(socket, path),
    ];
    if checks.contains(&Some(false)) {
        return Some(false);
    }
    checks.iter().all(Option::is_some).then_some(true)
}

/// After a probe the kernel waits for the interval, also when the probe was answered; after anything
/// else for the idle time. Probes of a silent connection are as far apart as the longer of the two.
fn is_below(setting: Setting, path: &PathLimit) -> Option<bool> {
    Some(u64::from(setting.value?) < path.limit_s?)
}

/// Next probe in time; true where the armed timer is not told: then the settings, by which it is armed
/// the next time, are all there is to go by.
pub(super) fn next_is_in_time(socket: &Socket, path: &PathLimit) -> Option<bool> {
    match first_gap_ms(socket) {
        Gap::Unarmed => Some(true),
        Gap::Unknown => None,
        Gap::Ms(gap_ms) => Some(gap_ms < path.limit_ms()?),
    }
}

/// Lateness of the first probe if SO_KEEPALIVE were set now: it leaves when the whole idle time is over,
/// however long the silence has lasted.
pub(super) fn would_be_late_if_armed_now(socket: &Socket, path: &PathLimit) -> bool {
    let (Some(quiet_ms), Some(idle_s), Some(limit_ms)) = (
        socket.idle.quiet_ms(),
        socket.keepalive.idle.value,
        path.limit_ms(),
    ) else {
        return false;
    };
    quiet_ms.saturating_add(u64::from(idle_s) * 1000) >= limit_ms
}

/// Silence that the next keepalive probe ends.
enum Gap {
    Ms(u64),
    /// No keepalive timer is armed, or another timer hides it.
    Unarmed,
    /// A stamp or the idle time is unknown.
    Unknown,
}

/// From the last packet that crossed the wire to the next probe. A timer that fires before the silence
/// has lasted for the idle time is only armed again, for the rest.
fn first_gap_ms(socket: &Socket) -> Gap {
    let Some(timer_ms) = socket.keepalive.timer_ms else {
        return Gap::Unarmed;
    };
    match (socket.idle.quiet_ms(), acts_in_ms(socket, timer_ms)) {
        (Some(quiet_ms), Some(acts_in_ms)) => Gap::Ms(quiet_ms.saturating_add(acts_in_ms)),
        _ => Gap::Unknown,
    }
}

/// Time until the keepalive timer, armed to fire in `timer_ms`, does more than set itself again: sends a
/// probe, or ends the connection. `None` where a stamp or the idle time is unknown.
#[must_use]
pub fn acts_in_ms(socket: &Socket, timer_ms: u64) -> Option<u64> {
    let heard_ms = socket.idle.timer_heard_ms()?;
    let idle_ms = u64::from(socket.keepalive.idle.value?) * 1000;
    Some(timer_ms.max(idle_ms.saturating_sub(heard_ms)))
}

/// True where the settings are good and the timer that is armed fires too late all the same.
pub(super) fn is_late_by_timer(socket: &Socket, path: &PathLimit) -> bool {
    let keepalive = &socket.keepalive;
    keepalive.enabled == Some(true)
        && is_below(keepalive.idle, path) == Some(true)
        && is_below(keepalive.interval, path) == Some(true)
        && keepalive.ends_without_probe() == Some(false)
        && next_is_in_time(socket, path) == Some(false)
}

/// Lateness by the interval alone: the first probe comes before the path forgets the connection, and
/// those after it do not.
#[must_use]
pub fn is_late_by_interval(socket: &Socket, path: &PathLimit) -> bool {
    is_below(socket.keepalive.idle, path) == Some(true)
        && is_below(socket.keepalive.interval, path) == Some(false)
        && next_is_in_time(socket, path) != Some(false)
}

#[cfg(test)]
#[path = "forecast_simulated.rs"]
mod simulated;
