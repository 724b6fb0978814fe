//! Libraries that a Python program uses, as far as the host shows it: native modules that are
//! mapped, import lines of the script, and what is installed where it looks.

use std::path::{Path, PathBuf};

use super::root::{Root, path};

/// Longest script that is looked into.
const MAX_SCRIPT: u64 = 256 * 1024;
/// Folders of libraries that are looked into.
const MAX_FOLDERS: usize = 16;

/// Libraries that make connections, as they are imported.
pub const LIBRARIES: [&str; 6] = [
    "requests", "httpx", "aiohttp", "urllib3", "psycopg2", "psycopg",
];

/// Visible facts of a Python program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Python {
    /// Libraries of [`LIBRARIES`] that are in use: a native module of theirs is mapped, or the
    /// script or `-c` command imports them. In their order there.
    pub used: Vec<&'static str>,
    /// Libraries of [`LIBRARIES`] that are installed, with their version as far as it is known.
    pub installed: Vec<(&'static str, Option<String>)>,
}

impl Python {
    /// The version installed, as (major, minor).
    #[must_use]
    pub fn version(&self, library: &str) -> Option<(u32, u32)> {
        let (_, version) = self.installed.iter().find(|(name, _)| *name == library)?;
        let mut parts = version.as_deref()?.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

/// A process that runs Python, as far as its libraries follow from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interpreter<'a> {
    pub(super) pid: u32,
    /// Path of the executable as the process sees it.
    pub(super) exe: &'a [u8],
    /// Its arguments, the first is its name.
    pub(super) arguments: &'a [Vec<u8>],
    /// Paths of mapped files.
    pub(super) mapped: &'a [Vec<u8>],
}

/// Finds the libraries of a process.
pub(super) fn libraries(process: Interpreter<'_>) -> Python {
    let root = Root::of(process.pid).ok();
    let code = root.as_ref().map(|root| code(root, process));
    let imported = imports(&code.unwrap_or_default());
    let used = LIBRARIES.into_iter().filter(|library| {
        imported.contains(library)
            || process
                .mapped
                .iter()
                .any(|path| is_module_of(path, library))
    });
    let mut python = Python {
        used: used.collect(),
        installed: Vec::new(),
    };
    for folder in folders(process) {
        let Some(root) = &root else { break };
        let names: Vec<Vec<u8>> = root.names(&folder).collect();
        for library in LIBRARIES {
            let known = python.installed.iter().any(|(name, _)| *name == library);
            if !known && let Some(version) = installed(&names, library) {
                python.installed.push((library, version));
            }
        }
    }
    python
}

/// A native module below the library's own folder.
fn is_module_of(path: &[u8], library: &str) -> bool {
    let folder = format!("-packages/{library}/");
    path.windows(folder.len())
        .any(|part| part == folder.as_bytes())
}

/// The `-c` command or the script.
fn code(root: &Root, process: Interpreter<'_>) -> Vec<u8> {
    let mut arguments = process.arguments.iter().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_slice() {
            b"-c" => return arguments.next().cloned().unwrap_or_default(),
            b"-m" => return Vec::new(),
            b"-W" | b"-X" => drop(arguments.next()),
            option if option.starts_with(b"-") => {}
            script => {
                let script = in_working_folder(process.pid, path(script));
                return root.read(script, MAX_SCRIPT).unwrap_or_default();
            }
        }
    }
    Vec::new()
}

/// A path as the process sees it, from its root folder.
fn in_working_folder(pid: u32, path: &Path) -> PathBuf {
    let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
    folder.join(path)
}

/// Libraries that `import x`, `import a, x` and `from x.y import z` name.
pub(crate) fn imports(code: &[u8]) -> Vec<&'static str> {
    let code = String::from_utf8_lossy(code);
    let mut found = Vec::new();
    for statement in code.split(['\n', ';']) {
        let statement = statement.trim_start();
        let names = match statement.split_once([' ', '\t']) {
            Some(("import", names)) => names,
            Some(("from", rest)) => rest
                .trim_start()
                .split([' ', '\t'])
                .next()
                .unwrap_or_default(),
            _ => continue,
        };
        for name in names.split(',') {
            let name = name
                .trim_start()
                .split(|c: char| c != '_' && !c.is_alphanumeric());
            let name = name.take(1).collect::<String>();
            found.extend(LIBRARIES.into_iter().filter(|library| *library == name));
        }
    }
    found
}

/// Folders in which Python looks for libraries: those that modules are mapped from, and the usual
/// ones beside the interpreter.
fn folders(process: Interpreter<'_>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    let started_as = process.arguments.first().map(|name| path(name));
    let beside = started_as
        .filter(|name| name.components().count() > 1)
        .map(|name| in_working_folder(process.pid, name));
    let prefixes = [beside, Some(path(process.exe).to_owned())];
    let version = version_of(process.exe);
    for prefix in prefixes
        .iter()
        .flatten()
        .filter_map(|exe| exe.parent()?.parent())
    {
        folders.push(prefix.join(format!("lib/{version}/site-packages")));
        folders.push(prefix.join("lib/python3/dist-packages"));
        folders.push(prefix.join(format!("local/lib/{version}/dist-packages")));
    }
    for file in process.mapped {
        let marks = ["/site-packages/", "/dist-packages/"].map(str::as_bytes);
        let found = marks.iter().find_map(|mark| {
            let at = file.windows(mark.len()).position(|part| part == *mark)?;
            file.get(..at + mark.len())
        });
        folders.extend(found.map(|folder| path(folder).to_owned()));
    }
    let mut seen = Vec::new();
    folders.retain(|folder| {
        let new = !seen.contains(folder) && seen.len() < MAX_FOLDERS;
        if new {
            seen.push(folder.clone());
        }
        new
    });
    folders
}

/// `python3.11`, from the executable's name.
fn version_of(exe: &[u8]) -> String {
    let name = path(exe).file_name().unwrap_or_default();
    let name = name.to_string_lossy();
    let end = name.find(|c: char| c != '.' && !c.is_ascii_alphanumeric());
    name.get(..end.unwrap_or(name.len()))
        .unwrap_or("python3")
        .to_owned()
}

/// From names such as `requests` and `requests-2.28.1.dist-info`: the version, if there is one.
pub(crate) fn installed(names: &[Vec<u8>], library: &str) -> Option<Option<String>> {
    let mut found = None;
    for name in names {
        let Some(rest) = name.strip_prefix(library.as_bytes()) else {
            continue;
        };
        let rest = String::from_utf8_lossy(rest);
        let info = rest
            .strip_suffix(".dist-info")
            .or_else(|| rest.strip_suffix(".egg-info"));
        match info.and_then(|info| info.strip_prefix('-')) {
            Some(version) => return Some(Some(version.to_owned())),
            None if rest.is_empty() => found = Some(None),
            None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn imports_are_found_where_python_would() {
        assert_eq!(imports(b"import requests"), ["requests"]);
        assert_eq!(imports(b"x=1; import os, httpx as h\n"), ["httpx"]);
        assert_eq!(imports(b"  from urllib3.util import Retry"), ["urllib3"]);
        assert_eq!(
            imports(b"import requestsx, my.httpx\n# import aiohttp"),
            [""; 0]
        );
    }

    #[test]
    fn versions_come_from_the_metadata() {
        let names: Vec<Vec<u8>> = [
            "requests",
            "httpx-0.25.1.dist-info",
            "urllib3-1.26.12.egg-info",
            "aiohttpx",
        ]
        .map(|name| name.as_bytes().to_vec())
        .to_vec();
        assert_eq!(installed(&names, "requests"), Some(None));
        assert_eq!(installed(&names, "aiohttp"), None);
        let python = Python {
            installed: vec![("httpx", installed(&names, "httpx").flatten())],
            ..Python::default()
        };
        assert_eq!(python.version("httpx"), Some((0, 25)));
        assert_eq!(python.version("requests"), None);
    }

    #[test]
    fn native_modules_tell_their_library() {
        let path = b"/usr/lib/python3/dist-packages/aiohttp/_http_parser.so";
        assert!(is_module_of(path, "aiohttp"));
        assert!(!is_module_of(path, "http"));
    }

    proptest! {
        #[test]
        fn any_code_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            drop(imports(&bytes));
            drop(installed(&[bytes], "requests"));
        }
    }
}
