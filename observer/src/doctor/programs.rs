//! Trials of observer's programs on this kernel.

use super::measure::{SyscallCost, getppid_ns};
use crate::kernel::hooks::{Attempts, Capacity, HookStatus, Hooks, try_each_mode};
use crate::kernel::{KernelError, try_walks};
use crate::source::{AttachMode, Hook, HooksChoice};

/// Why a walk does not work; `None` if it does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalkFacts {
    /// `iter/task_file`
    pub files: Option<String>,
    /// `iter/tcp`
    pub tables: Option<String>,
}

pub(super) fn walks() -> Result<WalkFacts, String> {
    let walks = try_walks().map_err(|error| error.to_string())?;
    let why = |walk: Result<(), KernelError>| walk.err().map(|error| error.to_string());
    Ok(WalkFacts {
        files: why(walks.files),
        tables: why(walks.tables),
    })
}

/// Result of attaching the hooks.
#[derive(Debug, Clone, PartialEq)]
pub struct HookFacts {
    /// Each alone.
    pub tried: Result<Attempts, String>,
    /// All together, checked on a socket of observer's own.
    pub opened: Result<OpenedHooks, String>,
}

/// Hooks as `observer trace` would have them.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedHooks {
    /// As a whole.
    pub mode: AttachMode,
    /// Each.
    pub statuses: Vec<HookStatus>,
    /// Cost that they add to every system call; `None` where they are on none.
    pub cost: Option<SyscallCost>,
}

impl HookFacts {
    pub(super) fn find(choice: HooksChoice) -> Self {
        let without_ns = getppid_ns();
        Self {
            tried: try_each_mode().map_err(|error| error.to_string()),
            opened: OpenedHooks::open(choice, without_ns).map_err(|error| error.to_string()),
        }
    }
}

impl OpenedHooks {
    fn open(choice: HooksChoice, without_ns: f64) -> Result<Self, KernelError> {
        let hooks = Hooks::open(choice, Capacity::for_this_host())?;
        let statuses = hooks.statuses().to_vec();
        let is_on_syscalls = |status: &HookStatus| {
            status.mode == Some(AttachMode::Tracepoint)
                && matches!(status.hook, Hook::SetOption | Hook::Accept)
        };
        let cost = statuses.iter().any(is_on_syscalls).then(|| SyscallCost {
            without_ns,
            with_ns: getppid_ns(),
        });
        Ok(Self {
            mode: hooks.mode(),
            statuses,
            cost,
        })
    }
}
