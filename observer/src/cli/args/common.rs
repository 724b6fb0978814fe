//! Flags that every command that scans takes.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use crate::cli::values;
use crate::policy::path::Limit;
use crate::policy::profile;
use crate::source::{AttachMode, HooksChoice};

/// Flags of every command that scans.
#[derive(Debug, Args)]
pub(in crate::cli) struct CommonArgs {
    /// How long paths remember a silent connection; overrides the configuration
    #[arg(
        long,
        value_name = "LIMIT",
        value_parser = values::limit(),
        hide_possible_values = true,
        long_help = path_help(),
        env = "OBSERVER_PATH",
        hide_env_values = true
    )]
    pub(in crate::cli) path: Option<Limit>,

    /// Configuration file, which must exist
    ///
    /// Without this flag, /etc/observer/config.toml is read if it exists.
    #[arg(
        long,
        value_name = "FILE",
        env = "OBSERVER_CONFIG",
        hide_env_values = true
    )]
    pub(in crate::cli) config: Option<PathBuf>,

    /// How to find sockets
    ///
    /// auto tries bpf, and falls back to diag where the host refuses it.
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value_t = Scan::Auto,
        env = "OBSERVER_SCAN",
        hide_env_values = true
    )]
    pub(in crate::cli) scan: Scan,

    /// How to see what a scan cannot, such as who set an option
    ///
    /// trace attaches hooks for as long as it runs. list attaches none: it reads what those of a
    /// running observer remember, and with none not even that.
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Hooks::Auto)]
    hooks: Hooks,

    /// The same as --hooks none
    #[arg(long, conflicts_with = "hooks")]
    no_hooks: bool,

    /// Say on stderr what is done and how long each phase takes; twice for more
    #[arg(short, long, action = ArgAction::Count)]
    pub(in crate::cli) verbose: u8,
}

fn path_help() -> String {
    format!(
        "How long paths remember a silent connection; overrides the configuration\n\nA profile, a duration (350s, 5m50s, 350) or none. Profiles: {}. Without this flag and a configuration: {}.",
        profile::names_with_limits(),
        profile::DEFAULT.name
    )
}

impl CommonArgs {
    pub(in crate::cli) fn hooks(&self) -> Hooks {
        if self.no_hooks {
            Hooks::None
        } else {
            self.hooks
        }
    }
}

impl CommonArgs {
    /// Choice of hooks, for who attaches them.
    pub(in crate::cli) fn hooks_choice(&self) -> HooksChoice {
        match self.hooks() {
            Hooks::Auto => HooksChoice::Auto,
            Hooks::Trampoline => HooksChoice::Only(AttachMode::Trampoline),
            Hooks::Tracepoint => HooksChoice::Only(AttachMode::Tracepoint),
            Hooks::None => HooksChoice::None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Scan {
    /// The first of the others that this host allows
    Auto,
    /// eBPF iterators
    Bpf,
    /// sock_diag, /proc and getsockopt
    Diag,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Hooks {
    /// The first of the others that this host allows
    Auto,
    /// BPF trampolines on the kernel's own functions: cost other calls nothing
    Trampoline,
    /// Tracepoints: those of setsockopt cost every system call of this host some 40 ns
    Tracepoint,
    /// No hooks
    None,
}
