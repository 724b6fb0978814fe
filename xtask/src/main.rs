//! The developer's commands: `cargo xtask --help`.

mod ci;
mod dist;
mod ebpf;
mod imports;
mod linker;
mod new_machine;
mod run;
mod source_hash;
mod step;
mod strip;
mod test;
mod testbed;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{env, vm};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Builds, runs and tests observer"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure observer beside ss and netstat
    Bench(testbed::Args),
    /// Check what no test checks: format, lints, imports, the eBPF object, licences
    Ci,
    /// Build what is given to others: the binary and the Debian package, in target/dist
    Dist(dist::Args),
    /// Build the eBPF object that the user-space crate embeds
    Ebpf(ebpf::Args),
    /// Give the parsers inputs that nobody thought of, by libFuzzer on the stable compiler
    Fuzz(testbed::Args),
    /// Compare what observer predicts for real clients with what becomes of them
    Lab(testbed::Args),
    /// Build observer in release mode and run it, through sudo when not root
    Run(run::Args),
    /// Run the agent on a host under constant change, and check that it stays as it began
    Soak(testbed::Args),
    /// Run all tests, on this host and in guests; installs what they need
    Test(test::Args),
    /// Run the integration tests, or a command, on other kernels in emulated guests
    Vm(vm::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bench(_) | Command::Fuzz(_) | Command::Lab(_) | Command::Soak(_) => {
            return testbed::main();
        }
        Command::Ci => ci::main(),
        Command::Dist(args) => dist::main(&args),
        Command::Ebpf(args) => ebpf::main(&args),
        Command::Run(args) => return run::main(&args),
        Command::Test(args) => test::main(&args),
        Command::Vm(args) => vm::main(&args),
    };
    env::exit_code(result)
}
