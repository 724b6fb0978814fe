//! `observer doctor`: tries everything, says what is missing.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;

use super::args::{DoctorArgs, TextOrJson};
use super::exit::Exit;
use super::log;
use super::shared::{scan_choice, use_color};
use crate::config::Config;
use crate::doctor::report::{self, profiles};
use crate::doctor::{Asked, Diagnosis};

pub(super) fn run(args: &DoctorArgs) -> anyhow::Result<Exit> {
    log::start(args.common.verbose);
    let mut stdout = io::stdout().lock();
    if args.profiles {
        let printed = match args.output {
            TextOrJson::Text => profiles::text(&mut stdout),
            TextOrJson::Json => profiles::json(&mut stdout),
        };
        return done(printed, Exit::Done);
    }
    // A configuration that list would refuse is refused here too.
    Config::load(args.common.config.as_deref())?;
    let diagnosis = Diagnosis::make(Asked {
        scan: scan_choice(args.common.scan),
        hooks: args.common.hooks_choice(),
    });
    let printed = print(args, &diagnosis, &mut stdout);
    let exit = match diagnosis.worst() {
        Some(_) => Exit::Failed,
        None => Exit::Done,
    };
    done(printed, exit)
}

fn print(
    args: &DoctorArgs,
    diagnosis: &Diagnosis,
    stdout: &mut io::StdoutLock<'_>,
) -> io::Result<()> {
    let color = use_color(args.color, stdout.is_terminal());
    match args.output {
        TextOrJson::Text => report::text(stdout, diagnosis, color),
        TextOrJson::Json => report::json(stdout, diagnosis),
    }
}

/// A reader that has seen enough does not change what was found.
fn done(printed: io::Result<()>, exit: Exit) -> anyhow::Result<Exit> {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(exit),
    }
}
