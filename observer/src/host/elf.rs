//! Sections of an ELF program, as far as they tell what built it. Any bytes may be in there.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::nlmsg::array;

/// Longest section that is read.
const MAX_SECTION: usize = 64 * 1024;
const SECTION_HEADER: usize = 64;

/// Toolchain that built a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Built {
    /// The version of Go as `go1.22.5`, empty where it was built by Go before 1.18, which tells it
    /// elsewhere; from `.go.buildinfo`.
    pub go: Option<String>,
    /// The version of rustc as `1.95.0`; from `.comment`.
    pub rustc: Option<String>,
}

impl Built {
    /// Reads the sections of a 64-bit little-endian program; others tell nothing.
    #[must_use]
    pub fn of(file: &File) -> Self {
        Self::parse(&mut |at, len| read(file, at, len)).unwrap_or_default()
    }

    pub(crate) fn parse(read: &mut dyn FnMut(u64, usize) -> Option<Vec<u8>>) -> Option<Self> {
        let header = read(0, 64)?;
        if !header.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let table_at = u64::from_le_bytes(array(&header, 40)?);
        let entry_len = usize::from(u16::from_le_bytes(array(&header, 58)?));
        let count = usize::from(u16::from_le_bytes(array(&header, 60)?));
        let names_index = usize::from(u16::from_le_bytes(array(&header, 62)?));
        if entry_len != SECTION_HEADER {
            return None;
        }
        let table = read(table_at, count.checked_mul(SECTION_HEADER)?)?;
        let sections: Vec<Section> = table
            .chunks_exact(SECTION_HEADER)
            .filter_map(Section::parse)
            .collect();
        let names = sections.get(names_index)?.read(read)?;
        // Each is there once, unless somebody wants observer to read much.
        let mut named = |name: &[u8]| {
            let mut sections = sections.iter();
            let section = sections.find(|section| is_name(&names, section.name, name))?;
            section.read(read)
        };
        Some(Self {
            go: named(b".go.buildinfo").and_then(|section| go_version(&section)),
            rustc: named(b".comment").and_then(|section| rustc_version(&section)),
        })
    }
}

struct Section {
    /// Offset into the table of names.
    name: usize,
    at: u64,
    len: u64,
}

impl Section {
    fn parse(header: &[u8]) -> Option<Self> {
        Some(Self {
            name: usize::try_from(u32::from_le_bytes(array(header, 0)?)).ok()?,
            at: u64::from_le_bytes(array(header, 24)?),
            len: u64::from_le_bytes(array(header, 32)?),
        })
    }

    fn read(&self, read: &mut dyn FnMut(u64, usize) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        let len = usize::try_from(self.len).ok()?.min(MAX_SECTION);
        read(self.at, len)
    }
}

fn read(file: &File, at: u64, len: usize) -> Option<Vec<u8>> {
    // Of 65535 sections at most.
    if len > 65_535 * SECTION_HEADER {
        return None;
    }
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}

fn is_name(names: &[u8], at: usize, name: &[u8]) -> bool {
    let rest = names.get(at..).and_then(|rest| rest.strip_prefix(name));
    rest.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == 0))
}

/// `debug/buildinfo` of Go: a magic, the flags at 15, and with flag 2 (Go 1.18 and later) the
/// version as a string with its length before it, at 32.
fn go_version(section: &[u8]) -> Option<String> {
    if !section.starts_with(b"\xff Go buildinf:") {
        return None;
    }
    if section.get(15)? & 2 == 0 {
        return Some(String::new());
    }
    let len = usize::from(*section.get(32)?);
    let version = section.get(33..33 + len)?;
    Some(String::from_utf8_lossy(version).into_owned())
}

/// `rustc version 1.95.0 (…)` among the compilers named.
fn rustc_version(section: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(section);
    let (_, after) = text.split_once("rustc version ")?;
    let end = after.find([' ', '\0']);
    Some(after.get(..end.unwrap_or(after.len()))?.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(bytes: &[u8]) -> Option<Built> {
        Built::parse(&mut |at, len| {
            let at = usize::try_from(at).ok()?;
            bytes.get(at..at.checked_add(len)?).map(<[u8]>::to_vec)
        })
    }

    #[test]
    fn this_test_is_built_by_rustc() -> std::io::Result<()> {
        let built = Built::of(&File::open("/proc/self/exe")?);
        assert!(built.rustc.is_some_and(|version| version.starts_with("1.")));
        assert_eq!(built.go, None);
        Ok(())
    }

    #[test]
    fn go_says_its_version() {
        let mut section = b"\xff Go buildinf:\x08\x02".to_vec();
        section.resize(32, 0);
        section.extend_from_slice(b"\x08go1.22.5rest");
        assert_eq!(go_version(&section).as_deref(), Some("go1.22.5"));
        section[15] = 0;
        assert_eq!(go_version(&section).as_deref(), Some(""));
        assert_eq!(go_version(b"\xff Go buildinf:"), None);
        assert_eq!(go_version(b""), None);
    }

    #[test]
    fn many_sections_of_one_name_are_read_once() {
        let mut program = b"\x7fELF\x02\x01".to_vec();
        program.resize(64, 0);
        program[40..48].copy_from_slice(&64_u64.to_le_bytes());
        program[58..64].copy_from_slice(&[64, 0, 200, 0, 0, 0]);
        // Every section is also the table of names, and every name `.comment`.
        let mut section = [0_u8; SECTION_HEADER];
        section[24..32].copy_from_slice(&(64 + 200 * 64_u64).to_le_bytes());
        section[32..40].copy_from_slice(&9_u64.to_le_bytes());
        program.extend(section.repeat(200));
        program.extend(b".comment\0");
        let mut reads = 0;
        let built = Built::parse(&mut |at, len| {
            reads += 1;
            let at = usize::try_from(at).ok()?;
            program.get(at..at.checked_add(len)?).map(<[u8]>::to_vec)
        });
        assert_eq!((built, reads), (Some(Built::default()), 4));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
            elf in any::<bool>(),
        ) {
            if elf && bytes.len() >= 64 {
                bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
                bytes[40..48].copy_from_slice(&64_u64.to_le_bytes());
                bytes[58..64].copy_from_slice(&[64, 0, 2, 0, 0, 0]);
            }
            drop(parse(&bytes));
            drop(go_version(&bytes));
        }
    }
}
