//! Log records of the hooks' programs, handed to `tracing`.

use std::fmt::Write as _;
use std::os::fd::{AsFd, BorrowedFd};

use aya::Ebpf;
use aya_log::{EbpfLogger, Level};

use crate::kernel::error::KernelError;

/// Target of the records in `tracing`.
pub const TARGET: &str = "observer::kernel";

/// Most characters of a record.
const MOST_CHARS: usize = 300;

/// Bytes of records that wait to be read, where they are wanted.
const BUFFER_BYTES: u32 = 1 << 16;

/// Choice whether the programs write records, made before they are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogChoice {
    /// The verifier removes what would write them.
    Off,
    /// Records at the level `debug` and above.
    Debug,
}

impl LogChoice {
    /// Choice that follows from what `tracing` lets through.
    pub(super) fn by_tracing() -> Self {
        if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
            Self::Debug
        } else {
            Self::Off
        }
    }

    /// Value of the global `AYA_LOG_LEVEL`.
    pub(super) fn level(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Debug => Level::Debug as u8,
        }
    }

    /// Size of the map `AYA_LOGS`, at least a page.
    pub(super) fn buffer_bytes(self) -> u32 {
        match self {
            Self::Off => 4096,
            Self::Debug => BUFFER_BYTES,
        }
    }
}

/// Reader of the records.
pub(super) struct KernelLog {
    logger: EbpfLogger<ToTracing>,
    /// Number of records that were held back, as far as reported.
    suppressed: u64,
}

impl KernelLog {
    /// Opens the buffer; `None` where no records are wanted. It is to be kept while programs are
    /// loaded, and read without further privileges.
    pub(super) fn open(ebpf: &mut Ebpf, choice: LogChoice) -> Result<Option<Self>, KernelError> {
        if choice == LogChoice::Off {
            return Ok(None);
        }
        let logger = EbpfLogger::init_with_logger(ebpf, ToTracing)
            .map_err(|error| KernelError::refused("opening the log of the eBPF programs", error))?;
        Ok(Some(Self {
            logger,
            suppressed: 0,
        }))
    }

    /// Hands over what was written. The kernel side bounds how much that is.
    pub(super) fn flush(&mut self) {
        self.logger.flush();
    }

    /// Logs how many records were held back since the last time, by the kernel side's counter.
    pub(super) fn report_suppressed(&mut self, suppressed: u64) {
        let new = suppressed.saturating_sub(self.suppressed);
        self.suppressed = suppressed;
        if new > 0 {
            tracing::debug!(target: TARGET, "hooks: {new} more records were held back");
        }
    }
}

impl AsFd for KernelLog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.logger.as_fd()
    }
}

/// Logger that aya-log writes to.
#[derive(Debug, Clone, Copy)]
struct ToTracing;

impl log::Log for ToTracing {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = printable(format_args!("{}: {}", record.target(), record.args()));
        match record.level() {
            log::Level::Error => tracing::error!(target: TARGET, "{text}"),
            log::Level::Warn => tracing::warn!(target: TARGET, "{text}"),
            log::Level::Info => tracing::info!(target: TARGET, "{text}"),
            log::Level::Debug => tracing::debug!(target: TARGET, "{text}"),
            log::Level::Trace => tracing::trace!(target: TARGET, "{text}"),
        }
    }

    fn flush(&self) {}
}

/// Text of bounded length without control characters, whatever a program writes.
fn printable(text: std::fmt::Arguments<'_>) -> String {
    let text = text.to_string();
    let mut printable = String::with_capacity(text.len().min(MOST_CHARS));
    for char in text.chars().take(MOST_CHARS) {
        if char.is_control() {
            // Writing into a String cannot fail.
            let _written = write!(printable, "{}", char.escape_default());
        } else {
            printable.push(char);
        }
    }
    if text.chars().nth(MOST_CHARS).is_some() {
        printable.push('…');
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_bounded_and_have_no_control_characters() {
        assert_eq!(
            printable(format_args!("a\x1b[2J\nb é")),
            "a\\u{1b}[2J\\nb é"
        );
        let long = "x".repeat(MOST_CHARS + 1);
        let shown = printable(format_args!("{long}"));
        assert_eq!(shown.chars().count(), MOST_CHARS + 1);
        assert!(shown.ends_with('…'));
        let fits = "x".repeat(MOST_CHARS);
        assert_eq!(printable(format_args!("{fits}")), fits);
    }
}
