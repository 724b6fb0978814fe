//! Which kind of program it is: by its executable, what it has mapped and what built it.

use crate::host::Program;
use crate::host::python::Python;

/// A kind of program that is told in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramKind {
    /// The curl tool.
    Curl,
    /// The wget tool.
    Wget,
    /// PostgreSQL's client library, in psql or any other program.
    Libpq,
    /// A Python program.
    Python(PythonLibrary),
    /// A Go program.
    Go {
        /// (major, minor), where it tells.
        version: Option<(u32, u32)>,
    },
    /// A program on a Java virtual machine.
    Java,
    /// A Node.js program.
    Node,
    /// A .NET program.
    DotNet,
    /// A program with libcurl.
    Libcurl,
    /// A Rust program.
    Rust,
    /// Any other.
    Other,
}

/// The library by which a Python program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonLibrary {
    /// requests
    Requests,
    /// urllib3
    Urllib3,
    /// httpx
    Httpx {
        /// 0.25 and later: the transport takes socket options.
        takes_options: bool,
    },
    /// aiohttp
    Aiohttp {
        /// 3.12 and later: the connector takes a function that makes sockets.
        takes_factory: bool,
    },
    /// The library could not be told, or is none of these.
    Other,
}

/// Ports of PostgreSQL and PgBouncer.
const POSTGRESQL_PORTS: [u16; 2] = [5432, 6432];

impl ProgramKind {
    /// Recognises a program whose socket leads to this remote port.
    #[must_use]
    pub fn of(program: &Program, remote_port: u16) -> Self {
        let name = program.name();
        let to_postgresql = POSTGRESQL_PORTS.contains(&remote_port);
        let libpq = program.maps("libpq.so") || program.maps("libpq-");
        if name == b"curl" {
            Self::Curl
        } else if name.starts_with(b"wget") {
            Self::Wget
        } else if name == b"psql" || (libpq && to_postgresql) {
            Self::Libpq
        } else if let Some(python) = &program.python {
            Self::Python(PythonLibrary::of(python))
        } else if let Some(version) = &program.built.go {
            Self::Go {
                version: go_version(version),
            }
        } else if name == b"java" || program.maps("libjvm.so") {
            Self::Java
        } else if name == b"node" || name == b"nodejs" || program.maps("libnode.so") {
            Self::Node
        } else if name == b"dotnet" || program.maps("libcoreclr.so") {
            Self::DotNet
        } else if program.maps("libcurl.so") || program.maps("libcurl-gnutls.so") {
            Self::Libcurl
        } else if libpq {
            Self::Libpq
        } else if program.built.rustc.is_some() {
            Self::Rust
        } else {
            Self::Other
        }
    }

    /// The name for people and in JSON.
    #[must_use]
    pub fn name(&self) -> String {
        let name = match self {
            Self::Curl => "curl",
            Self::Wget => "wget",
            Self::Libpq => "libpq",
            Self::Python(library) => library.name(),
            Self::Go {
                version: Some((major, minor)),
            } => return format!("Go {major}.{minor}"),
            Self::Go { version: None } => "Go",
            Self::Java => "Java",
            Self::Node => "Node.js",
            Self::DotNet => ".NET",
            Self::Libcurl => "libcurl",
            Self::Rust => "Rust",
            Self::Other => "unknown",
        };
        name.to_owned()
    }
}

impl PythonLibrary {
    /// By what it is seen to use: what is only installed may be another program's. requests is built
    /// on urllib3, so the one of both that is named is requests.
    fn of(python: &Python) -> Self {
        let library = python.used.first().copied().unwrap_or_default();
        let since = |library, since| {
            python
                .version(library)
                .is_none_or(|version| version >= since)
        };
        match library {
            "requests" => Self::Requests,
            "urllib3" => Self::Urllib3,
            "httpx" => Self::Httpx {
                takes_options: since("httpx", (0, 25)),
            },
            "aiohttp" => Self::Aiohttp {
                takes_factory: since("aiohttp", (3, 12)),
            },
            _ => Self::Other,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Requests => "Python requests",
            Self::Urllib3 => "Python urllib3",
            Self::Httpx { .. } => "Python httpx",
            Self::Aiohttp { .. } => "Python aiohttp",
            Self::Other => "Python",
        }
    }
}

/// (1, 22) of `go1.22.5`.
fn go_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text
        .strip_prefix("go")?
        .split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::elf::Built;

    fn program(exe: &str, mapped: &[&str]) -> Program {
        Program {
            exe: exe.as_bytes().to_vec(),
            mapped: mapped.iter().map(|path| path.as_bytes().to_vec()).collect(),
            ..Program::default()
        }
    }

    fn kind(exe: &str, mapped: &[&str]) -> ProgramKind {
        ProgramKind::of(&program(exe, mapped), 443)
    }

    #[test]
    fn executables_and_libraries_tell() {
        assert_eq!(
            kind("/usr/bin/curl", &["/usr/lib/libcurl.so.4"]),
            ProgramKind::Curl
        );
        assert_eq!(kind("/usr/bin/wget", &[]), ProgramKind::Wget);
        assert_eq!(kind("/opt/jdk/bin/java", &[]), ProgramKind::Java);
        assert_eq!(
            kind("/opt/app", &["/opt/jdk/lib/server/libjvm.so"]),
            ProgramKind::Java
        );
        assert_eq!(kind("/usr/bin/node", &[]), ProgramKind::Node);
        assert_eq!(
            kind("/opt/app", &["/opt/libcoreclr.so"]),
            ProgramKind::DotNet
        );
        assert_eq!(
            kind("/usr/bin/git", &["/usr/lib/libcurl-gnutls.so.4"]),
            ProgramKind::Libcurl
        );
        assert_eq!(
            kind("/usr/lib/postgresql/15/bin/psql", &[]),
            ProgramKind::Libpq
        );
        assert_eq!(kind("/opt/a", &["/usr/lib/libpq.so.5"]), ProgramKind::Libpq);
        assert_eq!(
            kind("/opt/a", &["/usr/lib/libssl.so.3"]),
            ProgramKind::Other
        );
    }

    #[test]
    fn builders_tell() {
        let built = |go: Option<&str>, rustc: Option<&str>| {
            let program = Program {
                built: Built {
                    go: go.map(str::to_owned),
                    rustc: rustc.map(str::to_owned),
                },
                ..program("/opt/a", &[])
            };
            ProgramKind::of(&program, 443)
        };
        assert_eq!(
            built(Some("go1.22.5"), None),
            ProgramKind::Go {
                version: Some((1, 22))
            }
        );
        assert_eq!(built(Some("devel"), None).name(), "Go");
        assert_eq!(built(None, Some("1.95.0")), ProgramKind::Rust);
    }

    #[test]
    fn a_python_program_is_told_by_its_library_and_its_version() {
        let of = |used: &[&'static str], installed: &[(&'static str, &str)], port| {
            let python = Python {
                used: used.to_vec(),
                installed: installed
                    .iter()
                    .map(|(name, v)| (*name, Some((*v).to_owned())))
                    .collect(),
            };
            let program = Program {
                python: Some(python),
                ..program("/usr/bin/python3.11", &["/usr/lib/libpq.so.5"])
            };
            ProgramKind::of(&program, port)
        };
        use PythonLibrary::{Aiohttp, Httpx, Other, Requests};
        let python = ProgramKind::Python;
        assert_eq!(of(&["requests", "urllib3"], &[], 443), python(Requests));
        assert_eq!(
            of(&["httpx"], &[("httpx", "0.23.3")], 443),
            python(Httpx {
                takes_options: false
            })
        );
        assert_eq!(
            of(&["httpx"], &[("httpx", "0.28.1")], 443),
            python(Httpx {
                takes_options: true
            })
        );
        assert_eq!(
            of(&["aiohttp"], &[("aiohttp", "3.8.4")], 443),
            python(Aiohttp {
                takes_factory: false
            })
        );
        assert_eq!(of(&[], &[("requests", "2.28.1")], 443), python(Other));
        assert_eq!(of(&["requests"], &[], 5432), ProgramKind::Libpq);
    }
}
