//! Exit codes.

use std::process::ExitCode;

/// End of a run, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; a closed pipe and Ctrl-C count as done.
    Done,
    /// It could not be done.
    Failed,
    /// The command line is wrong.
    Usage,
    /// `--fail-on` matched a socket.
    Matched,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Matched => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
