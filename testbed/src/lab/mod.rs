//! `cargo xtask lab`: whether what observer says of well-known clients comes true.
//!
//! Real clients wait for a slow answer through a middlebox that forgets silent connections, observer
//! looks at them meanwhile, and each of its words is held against what became of the connection.

mod clients;
mod conntrack;
mod guest;
mod judge;
mod middlebox;
mod observe;
mod plan;
mod postgres;
mod prepare;
mod processes;
mod report;
mod row;
mod run;
mod server;
mod words;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use xtask::env;

/// What every answer ends with.
const ANSWER: &str = "answered";

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Silence after which the middlebox forgets a connection, as 20s or 2m
    #[arg(long, value_name = "DUR", default_value = "20s", value_parser = plan::limit)]
    limit: u64,
    /// What becomes of packets of a connection that it has forgotten
    #[arg(long, value_enum, default_value_t = Forgotten::Drop)]
    on_forgotten: Forgotten,
    /// Only clients whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    #[arg(short, long, value_enum, default_value_t = report::Output::Table)]
    output: report::Output,
    /// Do it in an emulated guest with this kernel, such as 6.12; with fewer clients
    #[arg(long, value_name = "SERIES")]
    guest: Option<String>,
    /// Tell observer another limit than the middlebox has: rows must become false
    #[arg(long, value_name = "DUR", hide = true, value_parser = plan::limit)]
    told: Option<u64>,
    /// Where the clients are built already
    #[arg(long, value_name = "DIR", hide = true)]
    built: Option<PathBuf>,
}

/// What a middlebox does with packets of connections that it does not know.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Forgotten {
    /// It drops them and says nothing
    Drop,
    /// It answers their sender with a reset
    Reset,
}

#[derive(clap::Subcommand)]
enum Part {
    /// Be the server
    #[command(hide = true)]
    Serve(server::ServeArgs),
}

/// Some word did not come true.
const FALSE_ROWS: u8 = 1;
/// It could not be run.
const CANNOT_RUN: u8 = 2;

pub(crate) fn main(args: &Args) -> ExitCode {
    if let Some(Part::Serve(args)) = &args.part {
        return env::exit_code(server::serve(args));
    }
    match lab(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FALSE_ROWS),
        Err(error) => {
            eprintln!("xtask: the lab cannot run: {error:#}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

/// Whether everything came true.
fn lab(args: &Args) -> Result<bool> {
    if let Some(kernel) = &args.guest {
        return guest::lab(kernel, args);
    }
    let plan = prepare::plan(args)?;
    let (chosen, left_out) = prepare::choose(&plan, &args.only)?;
    let outcome = run::run(&plan, &chosen)?;
    report::print(args.output, &plan, &outcome, &left_out);
    Ok(report::complain(&outcome.rows) == 0)
}
