//! Log of observer's own work: nothing, unless asked.

use std::io;

use tracing::Level;

/// Starts tracing to stderr: `-v` for the steps, `-vv` for everything.
pub(super) fn start(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    };
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(level)
        .init();
}
