//! Programs that are there to be explained: as people write them, and with the change that
//! `observer explain` prints for them.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A folder for the sources and programs of this test. Gone when dropped.
pub(crate) struct Workshop(PathBuf);

impl Workshop {
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("observer-explain-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// Writes a source, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Where a program that is built goes.
    pub(crate) fn output(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Runs a compiler.
pub(crate) fn build(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A program that waits for an answer. Killed when dropped.
pub(crate) struct Waiting(Child);

impl Waiting {
    /// Starts it in the network namespace of the calling thread.
    pub(crate) fn start(command: &[String]) -> Self {
        let (program, arguments) = command.split_first().unwrap();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        for proxy in [
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "HTTP_PROXY",
            "ALL_PROXY",
        ] {
            command.env_remove(proxy);
        }
        Self(command.spawn().unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Why it is not waiting any more, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<String> {
        self.0.try_wait().unwrap().map(|status| status.to_string())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
