//! `cargo xtask run`: observer on this host, with what it needs to read everybody's sockets.

use std::{
    ffi::OsString,
    process::{Command, ExitCode},
};

use xtask::env;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Arguments of observer, such as `list --at-risk`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Passes observer's own exit code through.
pub(crate) fn main(args: &Args) -> ExitCode {
    let root = env::workspace_root();
    let mut build = env::cargo();
    build
        .current_dir(&root)
        .args(["build", "--release", "--package", "observer"]);
    if let Err(error) = env::run(&mut build) {
        return env::exit_code(Err(error));
    }
    let observer = env::target_dir(&root).join("release/observer");
    let mut command = if env::is_root() || env::find_program("sudo").is_some() {
        env::as_root(&observer)
    } else {
        eprintln!("xtask: neither root nor sudo: observer runs as this user");
        Command::new(&observer)
    };
    match command.args(&args.args).status() {
        // A signal has no code; the shell's habit is to say 128 and more then.
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            ExitCode::from(code.unwrap_or(128))
        }
        Err(error) => env::exit_code(Err(
            anyhow::Error::new(error).context(format!("cannot run {}", observer.display()))
        )),
    }
}
