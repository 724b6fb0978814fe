//! Cargo's plug-ins, installed into the cache where the machine has none.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};
use xtask::env;

pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

pub(crate) const DEB: Tool = Tool {
    name: "cargo-deb",
    version: "3.8.0",
};
pub(crate) const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
};
pub(crate) const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    version: "0.9.143",
};

impl Tool {
    /// The tool as a command. Any version on PATH will do.
    pub(crate) fn command(&self) -> Result<Command> {
        let program = match env::find_program(self.name) {
            Some(program) => program,
            None => self.cached()?,
        };
        Ok(Command::new(program))
    }

    fn cached(&self) -> Result<PathBuf> {
        let tools = env::cache_dir()?.join("tools");
        let name = format!("{}-{}", self.name, self.version);
        let program = tools.join(&name).join("bin").join(self.name);
        if program.is_file() {
            return Ok(program);
        }
        eprintln!("xtask: building {} {}, once", self.name, self.version);
        let build = tools.join("build");
        env::run(
            env::cargo()
                .args(["install", "--locked", "--quiet", self.name])
                .args(["--version", self.version, "--root"])
                .arg(tools.join(&name))
                .arg("--target-dir")
                .arg(&build),
        )
        .with_context(|| format!("cannot build {name}; it needs the crate registry"))?;
        std::fs::remove_dir_all(&build)?;
        Ok(program)
    }
}
