//! Proof of observer's promises: `cargo xtask bench`, `fuzz`, `lab` and `soak`, which hand their
//! arguments on to this program.

mod bench;
mod duration;
mod fuzz;
mod lab;
mod netns;
mod output;
mod soak;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::env;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Proves what observer promises"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure observer beside ss and netstat
    Bench(bench::Args),
    /// Give the parsers inputs that nobody thought of, by libFuzzer on the stable compiler
    Fuzz(fuzz::Args),
    /// Compare what observer predicts for real clients with what becomes of them
    Lab(lab::Args),
    /// Run the agent on a host under constant change, and check that it stays as it began
    Soak(soak::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bench(args) => bench::main(&args),
        Command::Fuzz(args) => fuzz::main(&args),
        Command::Lab(args) => return lab::main(&args),
        Command::Soak(args) => soak::main(&args),
    };
    env::exit_code(result)
}
