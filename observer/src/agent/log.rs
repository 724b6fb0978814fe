//! Log of the agent: to stderr as text or JSON, or to the journal.

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use tracing::Level;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Format of the log (`--log`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// To the journal where stderr is connected to it, else text.
    #[default]
    Auto,
    /// A line of text each.
    Text,
    /// A JSON object a line.
    Json,
    /// To systemd's journal, with fields.
    Journald,
}

/// Counts lines that could not be written: the disk is full, or nobody reads.
#[derive(Debug, Clone, Default)]
pub struct LostLines(Arc<AtomicU64>);

impl LostLines {
    /// Number of lines that were lost.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Starts logging; more with `verbosity`.
///
/// # Errors
/// There is no journal, and it was asked for.
pub fn start(format: LogFormat, verbosity: u8) -> anyhow::Result<LostLines> {
    let level = match verbosity {
        0 => Level::INFO,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let lost = LostLines::default();
    let format = match format {
        LogFormat::Auto if stderr_is_the_journal() => LogFormat::Journald,
        LogFormat::Auto => LogFormat::Text,
        chosen => chosen,
    };
    let registry = tracing_subscriber::registry().with(LevelFilter::from_level(level));
    let layer = tracing_subscriber::fmt::layer().log_internal_errors(false);
    let stderr = Stderr { lost: lost.clone() };
    match format {
        LogFormat::Json => registry
            .with(layer.json().flatten_event(true).with_writer(stderr))
            .init(),
        LogFormat::Journald => {
            let journal = tracing_journald::layer()
                .context("the journal cannot be reached; use --log text")?;
            registry.with(journal.with_field_prefix(None)).init();
        }
        LogFormat::Auto | LogFormat::Text => registry
            .with(
                layer
                    .with_ansi(false)
                    .with_target(false)
                    .with_writer(stderr),
            )
            .init(),
    }
    Ok(lost)
}

/// systemd says which device and inode it connected stderr to.
fn stderr_is_the_journal() -> bool {
    let Ok(journal) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(stderr) = std::fs::metadata("/proc/self/fd/2") else {
        return false;
    };
    journal == format!("{}:{}", stderr.dev(), stderr.ino())
}

/// Never fails: a log that cannot be written must not end the work that it reports.
struct Stderr {
    lost: LostLines,
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().lock().write_all(line).is_err() {
            self.lost.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
