//! Notifications to the service manager, where there is one.

use std::time::Duration;

use sd_notify::NotifyState;

fn tell(states: &[NotifyState<'_>]) {
    // A manager that is gone or does not listen is no reason to stop working.
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager cannot be notified: {error}");
    }
}

/// Ready, with a line on how.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is being read again.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// Done with that.
pub(super) fn reloaded() {
    tell(&[NotifyState::Ready]);
}

/// Ending.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Still well.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// Time within which the service manager wants a sign of life, if it does.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
