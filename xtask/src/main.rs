//! The developer's commands: `cargo xtask --help`.

mod apt;
mod bench;
mod ci;
mod dist;
mod duration;
mod ebpf;
mod env;
mod fuzz;
mod lab;
mod linker;
mod netns;
mod output;
mod run;
mod soak;
mod source_hash;
mod step;
mod strip;
mod test;
mod tools;
mod vm;

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
    /// Measure observer beside ss and netstat
    Bench(bench::Args),
    /// Check what no test checks: format, lints, the eBPF object, licences
    Ci,
    /// Build what is given to others: the binary and the Debian package, in target/dist
    Dist(dist::Args),
    /// Build the eBPF object that the user-space crate embeds
    Ebpf(ebpf::Args),
    /// Give the parsers inputs that nobody thought of, by libFuzzer on the stable compiler
    Fuzz(fuzz::Args),
    /// Hold what observer says of real clients against what becomes of them
    Lab(lab::Args),
    /// Build observer in release mode and run it, through sudo when not root
    Run(run::Args),
    /// Have the agent watch a host that never rests, and check that it stays as it began
    Soak(soak::Args),
    /// Run all tests, on this host and in guests; installs what they need
    Test(test::Args),
    /// Run the integration tests, or a command, on other kernels in emulated guests
    Vm(vm::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bench(args) => bench::main(&args),
        Command::Ci => ci::main(),
        Command::Dist(args) => dist::main(&args),
        Command::Ebpf(args) => ebpf::main(&args),
        Command::Fuzz(args) => fuzz::main(&args),
        Command::Lab(args) => return lab::main(&args),
        Command::Run(args) => return run::main(&args),
        Command::Soak(args) => soak::main(&args),
        Command::Test(args) => test::main(&args),
        Command::Vm(args) => vm::main(&args),
    };
    env::exit_code(result)
}
