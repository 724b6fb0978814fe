//! The developer's commands: `cargo xtask --help`.

mod ebpf;
mod env;
mod linker;
mod run;
mod source_hash;
mod strip;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs and tests observer")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the eBPF object that the user-space crate embeds
    Ebpf(ebpf::Args),
    /// Build observer in release mode and run it, through sudo when not root
    Run(run::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Ebpf(args) => ebpf::main(&args),
        Command::Run(args) => return run::main(&args),
    };
    env::exit_code(result)
}
