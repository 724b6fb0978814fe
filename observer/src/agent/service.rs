//! What the service manager is told. Without one, nothing.

use std::time::Duration;

use sd_notify::NotifyState;

fn tell(states: &[NotifyState<'_>]) {
    // Nobody to tell, or one who does not listen: no reason to stop working.
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager cannot be told: {error}");
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

/// How often the service manager wants to hear, if it does.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
