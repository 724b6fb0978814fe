//! Program of a process: its executable, its arguments and the files that it has mapped. Names are
//! foreign input.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;

use super::elf::Built;
use super::python::{self, Interpreter, Python};

/// Most of a process's arguments and of its mappings that is read.
const MAX_ARGUMENTS: u64 = 128 * 1024;
const MAX_MAPS: u64 = 8 * 1024 * 1024;

/// A running program. What could not be read is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// Path of the executable as the process sees it, from `/proc/PID/exe`.
    pub exe: Vec<u8>,
    /// Its arguments, the first is its name.
    pub arguments: Vec<Vec<u8>>,
    /// Paths of mapped files, each once.
    pub mapped: Vec<Vec<u8>>,
    /// Toolchain that built the executable.
    pub built: Built,
    /// Visible facts of a Python program; `None` for others.
    pub python: Option<Python>,
}

impl Program {
    /// Reads that of a process. What another user's process hides is left empty.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        let exe = std::fs::read_link(format!("/proc/{pid}/exe"))
            .map(|path| path.as_os_str().as_bytes().to_vec())
            .unwrap_or_default();
        let mut program = Self {
            exe: exe.strip_suffix(b" (deleted)").unwrap_or(&exe).to_vec(),
            arguments: read(&format!("/proc/{pid}/cmdline"), MAX_ARGUMENTS)
                .split(|byte| *byte == 0)
                .map(<[u8]>::to_vec)
                .collect(),
            mapped: mapped(&read(&format!("/proc/{pid}/maps"), MAX_MAPS)),
            built: File::open(format!("/proc/{pid}/exe"))
                .map(|file| Built::of(&file))
                .unwrap_or_default(),
            python: None,
        };
        // The kernel ends the last argument with a NUL too.
        if program.arguments.last().is_some_and(Vec::is_empty) {
            program.arguments.pop();
        }
        if program.runs_python() {
            program.python = Some(python::libraries(Interpreter {
                pid,
                exe: &program.exe,
                arguments: &program.arguments,
                mapped: &program.mapped,
            }));
        }
        program
    }

    /// File name of the executable.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        last_part(&self.exe)
    }

    /// Test for a mapped file whose name begins so, such as `libpq.so`.
    #[must_use]
    pub fn maps(&self, name: &str) -> bool {
        self.mapped
            .iter()
            .any(|path| last_part(path).starts_with(name.as_bytes()))
    }

    fn runs_python(&self) -> bool {
        self.name().starts_with(b"python") || self.maps("libpython")
    }
}

fn last_part(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

fn read(path: &str, max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // What was read before an error still tells something.
        drop(file.take(max).read_to_end(&mut bytes));
    }
    bytes
}

/// The paths in `/proc/PID/maps`, which stand sixth in a line and may have spaces in them.
pub(crate) fn mapped(maps: &[u8]) -> Vec<Vec<u8>> {
    let mut paths: Vec<Vec<u8>> = maps
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b'/')?;
            line.get(at..).map(<[u8]>::to_vec)
        })
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_see_ourselves() {
        let own = Program::of(std::process::id());
        assert!(own.exe.starts_with(b"/"));
        assert!(!own.arguments.is_empty());
        assert!(own.maps("libc.so"), "{:?}", own.mapped);
        assert!(own.built.rustc.is_some());
        assert_eq!(own.python, None);
        assert_eq!(Program::of(u32::MAX), Program::default());
    }

    #[test]
    fn mapped_files_are_named_once() {
        let maps = b"7f00-7f01 r--p 0 08:01 5 /usr/lib/x y.so\n7f01-7f02 r-xp 0 08:01 5 /usr/lib/x y.so\n7f03-7f04 rw-p 0 00:00 0 [heap]\n\n";
        assert_eq!(mapped(maps), [b"/usr/lib/x y.so".to_vec()]);
        assert_eq!(mapped(b"\xff\n//\n"), [b"//".to_vec()]);
    }
}
