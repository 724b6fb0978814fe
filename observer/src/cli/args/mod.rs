//! The one definition of the command line, from which help, completions and manual come.

mod commands;
mod common;
mod select;
mod texts;

use std::ffi::OsStr;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;

pub(super) use commands::{
    AgentArgs, DoctorArgs, ExplainArgs, FailOn, ListArgs, Log, Output, Sort, TextOrJson, TraceArgs,
    TraceOutput, WatchArgs,
};
pub(super) use common::{Color, CommonArgs, Hooks, Scan};
pub use select::{parse_query, parse_selection};

use texts::{
    AGENT_MORE, DOCTOR_MORE, EXPLAIN_MORE, LIST_MORE, TRACE_ALL, TRACE_COMM, TRACE_COMM_LONG,
    TRACE_MORE, TRACE_PID, WATCH_MORE,
};

/// Watches TCP keepalive across all processes and says which connections will hang
///
/// A load balancer, NAT or firewall forgets a connection that is silent for too long, and tells
/// nobody. Only TCP keepalive probes that come in time prevent it. observer shows for every TCP
/// socket of this host how long it has been silent, what its keepalive settings are, and whether
/// the next probe comes before the path forgets.
#[derive(Debug, Parser)]
#[command(
    name = "observer",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Cli {
    /// Reads this process's arguments. A variable that is empty counts as unset, as scripts expect.
    ///
    /// # Errors
    /// They are wrong, or ask for help.
    pub(super) fn of_process() -> Result<Self, clap::Error> {
        let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
        let mut cli = Self::command();
        for command in cli.get_subcommands_mut() {
            *command = std::mem::take(command).mut_args(|arg| match arg.get_env() {
                Some(name) if is_empty(name) => arg.env(None::<&str>),
                _ => arg,
            });
        }
        Self::from_arg_matches(&cli.try_get_matches()?)
    }

    /// Checks of flags against each other.
    ///
    /// # Errors
    /// Flags that make no sense together.
    pub(super) fn checked(self) -> Result<Self, clap::Error> {
        match &self.command {
            Command::Trace(args) if args.common.hooks() == Hooks::None => {
                Err(wrong("trace", NOTHING_WITHOUT_HOOKS))
            }
            _ => Ok(self),
        }
    }
}

const NOTHING_WITHOUT_HOOKS: &str = "trace sees events by hooks, and without them there is nothing to show: leave out --hooks none and --no-hooks, or use `observer list`, which needs no hooks";

/// An error as clap's own, with the usage of the command.
fn wrong(command: &str, message: &str) -> clap::Error {
    let mut cli = Cli::command();
    cli.build();
    let command = cli.find_subcommand_mut(command);
    let kind = ErrorKind::ArgumentConflict;
    match command {
        Some(command) => command.error(kind, message),
        None => cli.error(kind, message),
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows every TCP socket with its keepalive, timers, silence and verdict
    ///
    /// One scan, then a table with the most dangerous sockets first. QUIET is the time since any
    /// packet is known to have crossed the wire, LIMIT the silence after which the path forgets the
    /// connection, KEEPALIVE idle/interval/probes as the kernel will use them (seconds, seconds,
    /// count), NEXT the time until the next probe leaves, TIMER what `netstat --timers` shows.
    /// `?` is a value that this host, kernel or permission cannot give.
    #[command(after_long_help = LIST_MORE)]
    List(Box<ListArgs>),
    /// Prints one line an event: options set, probes sent, connections opened and lost
    ///
    /// Each line says when (UTC), what kind of event, which process, between which ends, and what
    /// happened. A process in parentheses did not act itself: it opened the connection. `?` is a
    /// value that this host, kernel or permission cannot give, or that was there before observer.
    #[command(
        after_long_help = TRACE_MORE,
        mut_arg("pid", |arg| arg.help(TRACE_PID)),
        mut_arg("comm", |arg| arg.help(TRACE_COMM).long_help(TRACE_COMM_LONG)),
        mut_arg("all", |arg| arg.help(TRACE_ALL)),
    )]
    Trace(Box<TraceArgs>),
    /// Shows the same as list, live: a full screen on a terminal, else a line a change of health
    ///
    /// On a terminal: counts by health and verdict, the sockets with the most dangerous first, and
    /// the events of trace below. The bar fills from the last packet to the path limit, LEFT is the
    /// time until the path forgets the connection, or with a + since it did. SET is who last set a
    /// keepalive option, since observer runs. `?` shows the keys.
    ///
    /// A connection that its peer keeps alive by probes of its own is not shown in danger. One scan by
    /// `bpf` sees them; by `diag`, watch compares counts of segments from scan to scan.
    #[command(after_long_help = WATCH_MORE)]
    Watch(Box<WatchArgs>),
    /// Explains one socket: how long each layer waits, what will happen, what to change
    #[command(after_long_help = EXPLAIN_MORE)]
    Explain(Box<ExplainArgs>),
    /// Says what this host lets observer see, what is missing, and what to do about it
    ///
    /// How observer will scan and hook here, what that costs, and what each check found. Where
    /// something is missing: what is unknown through that, and what to do.
    #[command(after_long_help = DOCTOR_MORE)]
    Doctor(Box<DoctorArgs>),
    /// Watches this host as a daemon: Prometheus metrics, alerts, a status page
    ///
    /// Scans every connected socket each interval; healthy ones are only counted, in the kernel where
    /// that allows it. Serves Prometheus metrics, a status page and the sockets as JSON over HTTP, on
    /// 127.0.0.1:9787 unless configured, and notifies Alertmanager or a webhook of connections in danger.
    #[command(after_long_help = AGENT_MORE)]
    Agent(Box<AgentArgs>),
    /// Prints completions for a shell
    #[command(
        after_long_help = "Example:\n  observer completions bash > /etc/bash_completion.d/observer"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Prints the manual page
    #[command(after_long_help = "Example:\n  observer man | man -l -")]
    Man,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::profile::PROFILES;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_forms_of_no_hooks_are_one() {
        let hooks = |flags: &[&str]| {
            let arguments = ["observer", "list"].iter().chain(flags);
            match Cli::try_parse_from(arguments).unwrap().command {
                Command::List(args) => args.common.hooks(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(hooks(&[]), Hooks::Auto);
        assert_eq!(hooks(&["--hooks", "tracepoint"]), Hooks::Tracepoint);
        assert_eq!(hooks(&["--hooks", "none"]), Hooks::None);
        assert_eq!(hooks(&["--no-hooks"]), Hooks::None);
    }

    #[test]
    fn trace_needs_hooks() {
        let checked = |flags: &[&str]| {
            let arguments = ["observer", "trace"].iter().chain(flags);
            Cli::try_parse_from(arguments).unwrap().checked().map(drop)
        };
        assert!(checked(&["--hooks", "trampoline"]).is_ok());
        assert!(checked(&[]).is_ok());
        for flags in [["--hooks", "none"].as_slice(), &["--no-hooks"]] {
            let error = checked(flags).unwrap_err();
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn help_names_every_profile_and_its_limit() {
        let help = Cli::command()
            .find_subcommand("list")
            .and_then(|list| list.get_arguments().find(|arg| arg.get_id() == "path"))
            .and_then(|arg| arg.get_long_help())
            .unwrap()
            .to_string();
        for profile in PROFILES {
            assert!(help.contains(profile.name), "{}", profile.name);
            assert!(help.contains(&format!("({} s", profile.limit_s)));
        }
    }
}
