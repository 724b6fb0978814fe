//! Writes the archive (cpio, "newc") that a kernel unpacks as its first root file system:
//! Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's tree.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

enum Node {
    Folder,
    File { mode: u32, content: Vec<u8> },
    Link { target: Vec<u8> },
}

/// Entries by absolute path, so that a folder comes before what it holds.
#[derive(Default)]
pub(crate) struct Archive {
    nodes: BTreeMap<String, Node>,
}

impl Archive {
    pub(crate) fn folder(&mut self, path: &str) {
        if path.is_empty() || path == "/" || self.nodes.contains_key(path) {
            return;
        }
        self.parents(path);
        self.nodes.insert(path.to_owned(), Node::Folder);
    }

    pub(crate) fn file(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        self.parents(path);
        self.nodes
            .insert(path.to_owned(), Node::File { mode, content });
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.parents(path);
        let target = target.as_bytes().to_vec();
        self.nodes.insert(path.to_owned(), Node::Link { target });
    }

    pub(crate) fn contains(&self, path: &str) -> bool {
        self.nodes.contains_key(path)
    }

    /// Copies a file, or a folder with everything in it.
    pub(crate) fn copy(&mut self, host: &Path, guest: &str) -> Result<()> {
        let shown = || format!("cannot read {}", host.display());
        let metadata = fs::metadata(host).with_context(shown)?;
        if metadata.is_dir() {
            self.folder(guest);
            for entry in fs::read_dir(host).with_context(shown)? {
                let entry = entry?;
                let name = entry.file_name();
                self.copy(
                    &entry.path(),
                    &format!("{guest}/{}", name.to_string_lossy()),
                )?;
            }
            return Ok(());
        }
        let content = fs::read(host).with_context(shown)?;
        self.file(guest, metadata.permissions().mode() & 0o777, content);
        Ok(())
    }

    fn parents(&mut self, path: &str) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.folder(parent);
        }
    }

    pub(crate) fn write(&self, path: &PathBuf) -> Result<()> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut out = BufWriter::new(file);
        for (inode, (path, node)) in (1_u32..).zip(&self.nodes) {
            let (mode, content): (u32, &[u8]) = match node {
                Node::Folder => (0o040_755, &[]),
                Node::File { mode, content } => (0o100_000 | mode, content),
                Node::Link { target } => (0o120_777, target),
            };
            write_entry(&mut out, inode, path.trim_start_matches('/'), mode, content)?;
        }
        write_entry(&mut out, 0, "TRAILER!!!", 0, &[])?;
        out.flush()?;
        Ok(())
    }
}

fn write_entry(
    out: &mut impl Write,
    inode: u32,
    name: &str,
    mode: u32,
    content: &[u8],
) -> Result<()> {
    ensure!(
        u32::try_from(content.len()).is_ok(),
        "{name} is too large for cpio"
    );
    let links = 1;
    write!(
        out,
        "070701{inode:08x}{mode:08x}{:08x}{:08x}{links:08x}",
        0, 0
    )?;
    write!(out, "{:08x}{:08x}", 0, content.len())?;
    // The devices of the file and of the node, four numbers; no file here is a device.
    write!(out, "{:032x}{:08x}{:08x}{name}\0", 0, name.len() + 1, 0)?;
    pad(out, HEADER_BYTES + name.len() + 1)?;
    out.write_all(content)?;
    pad(out, content.len())?;
    Ok(())
}

const HEADER_BYTES: usize = 110;

fn pad(out: &mut impl Write, written: usize) -> io::Result<()> {
    out.write_all(&[0; 3][..written.next_multiple_of(4) - written])
}

#[cfg(test)]
mod tests {
    use super::{HEADER_BYTES, write_entry};

    #[test]
    fn an_entry_is_a_header_and_padded_content() {
        let mut out = Vec::new();
        write_entry(&mut out, 7, "init", 0o100_755, b"hello").unwrap();
        assert_eq!(out.len(), HEADER_BYTES + 6 + 8);
        assert!(out.starts_with(b"07070100000007000081ed"));
        assert_eq!(
            &out[HEADER_BYTES - 16..HEADER_BYTES + 4],
            b"0000000500000000init"
        );
    }
}
