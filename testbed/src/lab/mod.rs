//! `cargo xtask lab`: predictions of observer for well-known clients, compared with what happens.
//!
//! Real clients wait for a slow answer through a middlebox that forgets silent connections, observer
//! scans them meanwhile, and each of its predictions is compared with the outcome of the connection.

mod clients;
mod conntrack;
mod guest;
mod judge;
mod middlebox;
mod observations;
mod observe;
mod plan;
mod postgres;
mod prepare;
mod processes;
mod report;
mod row;
mod run;
mod server;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use xtask::env;

/// Text that every answer ends with.
const ANSWER: &str = "answered";

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Silence after which the middlebox forgets a connection, as 20s or 2m
    #[arg(long, value_name = "DUR", default_value = "20s", value_parser = plan::limit)]
    limit: u64,
    /// Treatment of packets of a connection that it has forgotten
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
    /// Give observer another limit than the middlebox has: rows must become false
    #[arg(long, value_name = "DUR", hide = true, value_parser = plan::limit)]
    told: Option<u64>,
    /// Folder of clients that are built already
    #[arg(long, value_name = "DIR", hide = true)]
    built: Option<PathBuf>,
}

/// Treatment of packets of connections that the middlebox does not know.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Forgotten {
    /// It drops them in silence
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

/// Exit code where some prediction did not come true.
const FALSE_ROWS: u8 = 1;
/// Exit code where the lab could not be run.
const CANNOT_RUN: u8 = 2;

pub(crate) fn main(args: &Args) -> ExitCode {
    if let Some(Part::Serve(args)) = &args.part {
        return env::exit_code(server::serve(args));
    }
    match lab(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FALSE_ROWS),
        Err(error) => {
            eprintln!("testbed: the lab cannot run: {error:#}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

/// Runs the lab; `true` where every prediction came true.
fn lab(args: &Args) -> Result<bool> {
    if let Some(kernel) = &args.guest {
        return guest::lab(kernel, args);
    }
    let plan = prepare::plan(args)?;
    let (chosen, left_out) = prepare::choose(&plan, &args.only)?;
    let run = run::run(&plan, &chosen)?;
    report::print(args.output, &plan, &run, &left_out);
    Ok(report::report_false(&run.rows) == 0)
}
