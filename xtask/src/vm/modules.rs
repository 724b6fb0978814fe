//! The kernel modules that guests load.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::env;

/// Modules that tests use and Debian's cloud kernels do not have built in.
const WANTED: &[&str] = &[
    "tcp_diag",
    "inet_diag",
    "veth",
    "nf_tables",
    "nf_conntrack",
    "nft_ct",
    "nft_reject_inet",
    "nbd",
];

/// Puts the wanted modules and those they depend on into `into`, unpacked. Returns the file
/// names in the order of loading.
pub(crate) fn extract(unpacked: &Path, into: &Path) -> Result<Vec<String>> {
    let mut available = BTreeMap::new();
    find(unpacked, &mut available)?;
    let mut loader = Loader {
        available,
        into,
        order: Vec::new(),
    };
    for name in WANTED {
        loader.add(name)?;
    }
    Ok(loader.order)
}

struct Loader<'a> {
    available: BTreeMap<String, PathBuf>,
    into: &'a Path,
    order: Vec<String>,
}

impl Loader<'_> {
    /// The packages hold no modules.dep, which depmod writes at installation; but each module
    /// names its own dependencies.
    fn add(&mut self, name: &str) -> Result<()> {
        let file_name = format!("{name}.ko");
        if self.order.contains(&file_name) {
            return Ok(());
        }
        let source = self
            .available
            .get(name)
            .with_context(|| format!("this kernel has no module {name}"))?;
        let module = if source
            .extension()
            .is_some_and(|extension| extension == "xz")
        {
            env::output(
                Command::new("xz")
                    .args(["--decompress", "--stdout"])
                    .arg(source),
            )?
            .stdout
        } else {
            fs::read(source)?
        };
        for dependency in depends(&module) {
            self.add(&dependency)?;
        }
        fs::write(self.into.join(&file_name), module)?;
        self.order.push(file_name);
        Ok(())
    }
}

fn find(dir: &Path, found: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            find(&path, found)?;
        } else if let Some((name, "ko" | "ko.xz")) =
            entry.file_name().to_string_lossy().split_once('.')
        {
            found.insert(name.replace('-', "_"), path);
        }
    }
    Ok(())
}

/// The `depends=a,b` of a module's .modinfo section.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(start) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let value = &module[start + KEY.len()..];
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(0);
    String::from_utf8_lossy(&value[..end])
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('-', "_"))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_module_names_its_dependencies() {
        let module = b"\x7fELF\0license=GPL\0depends=nf_tables,nf-conntrack\0intree=Y\0";
        assert_eq!(super::depends(module), ["nf_tables", "nf_conntrack"]);
        assert!(super::depends(b"license=GPL\0depends=\0").is_empty());
    }
}
