//! The `observer` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    observer::cli::main().into()
}
