//! The processes of the lab: none outlives it, however it ends.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};

/// A process that is killed when this is dropped, or when the thread that started it ends.
pub(super) struct Process(pub(super) Child);

impl Process {
    /// Starts the command `words` with stdout and stderr in files of this name.
    pub(super) fn start(words: &[String], prints: &Path) -> Result<Self> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(words);
        Self::spawn(&mut command, prints)
    }

    pub(super) fn spawn(command: &mut Command, prints: &Path) -> Result<Self> {
        let file = |extension| {
            let file = prints.with_extension(extension);
            File::create(&file).with_context(|| format!("cannot write {}", file.display()))
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(file("out")?)
            .stderr(file("err")?)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self(child))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _killed = self.0.kill();
        let _status = self.0.wait();
    }
}
