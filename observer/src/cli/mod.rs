//! The command line: reads it, runs the command, turns the outcome into an exit code.
//!
//! Data goes to stdout, everything else to stderr.

mod agent;
mod args;
mod counts;
mod doctor;
mod empty_list;
mod exit;
mod explain;
mod generate;
mod list;
mod log;
mod shared;
mod trace;
mod values;
mod watch;

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGINT;

pub use args::{parse_query, parse_selection};
pub use exit::Exit;

use args::{Cli, Command};

use crate::text::escape;

/// Runs the command that the process's arguments ask for.
#[must_use]
pub fn main() -> Exit {
    let cli = match Cli::of_process().and_then(Cli::checked) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too. Nobody is left to hear of a closed pipe.
            drop(error.print());
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
        }
    };
    match run(cli.command) {
        Ok(exit) => exit,
        Err(error) if is_closed_pipe(&error) => Exit::Done,
        Err(error) => {
            emit(format_args!("{error:#}"));
            Exit::Failed
        }
    }
}

fn run(command: Command) -> anyhow::Result<Exit> {
    // trace sums up at its end what it saw, watch gives the terminal back, an agent ends in order: they
    // catch signals themselves.
    if !matches!(
        command,
        Command::Trace(_) | Command::Watch(_) | Command::Agent(_)
    ) {
        exit_on_ctrl_c()?;
    }
    match command {
        Command::List(args) => list::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Agent(args) => agent::run(&args),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man => generate::man(),
    }
}

/// Prints a message for the user on stderr. It may quote names from other processes. Where stderr is
/// closed there is nobody to read it.
fn emit(what: impl std::fmt::Display) {
    let mut text = String::from("observer: ");
    for (i, line) in what.to_string().lines().enumerate() {
        if i > 0 {
            text += "  ";
        }
        text += &escape::text(line.as_bytes());
        text.push('\n');
    }
    drop(io::stderr().write_all(text.as_bytes()));
}

/// Ctrl-C ends observer as the end of its work would.
fn exit_on_ctrl_c() -> anyhow::Result<()> {
    let at_once = Arc::new(AtomicBool::new(true));
    let code = i32::from(Exit::Done.code());
    signal_hook::flag::register_conditional_shutdown(SIGINT, code, at_once)?;
    Ok(())
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
