//! Gets the two things a BPF build needs beyond the pinned compiler: bpf-linker and the
//! source of `core`.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use xtask::env;

use crate::source_hash::BPF_LINKER_VERSION;

/// The pinned compiler.
pub(crate) struct Toolchain {
    pub(crate) channel: String,
    pub(crate) sysroot: PathBuf,
}

impl Toolchain {
    pub(crate) fn pinned(root: &Path) -> Result<Self> {
        let pin = fs::read_to_string(root.join("rust-toolchain.toml"))?;
        let channel = pin
            .lines()
            .find_map(|line| line.strip_prefix("channel = "))
            .context("rust-toolchain.toml names no channel")?
            .trim_matches('"')
            .to_owned();
        let rustc = |arg: [&str; 2]| env::stdout(Command::new("rustc").args(arg).current_dir(root));
        let version = rustc(["--version", "--verbose"])?;
        if !version.contains(&format!("release: {channel}\n")) {
            bail!(
                "the eBPF object is built by Rust {channel} only, but here rustc is\n{version}\n\
                 run `rustup toolchain install {channel}` and call cargo without +toolchain"
            );
        }
        let sysroot = PathBuf::from(rustc(["--print", "sysroot"])?);
        Ok(Self { channel, sysroot })
    }

    /// The folder of the standard library's source, which is installed when it is missing.
    pub(crate) fn core_source(&self) -> Result<PathBuf> {
        let source = self.sysroot.join("lib/rustlib/src/rust");
        let present = || source.join("library/core/Cargo.toml").is_file();
        if !present() {
            let component_add = ["component", "add", "rust-src", "--toolchain", &self.channel];
            let added = env::run(Command::new("rustup").args(component_add));
            if let Err(error) = added {
                bail!(
                    "the source of `core` is missing at {}, and rustup cannot add it ({error:#}): \
                     run `rustup {}` where the network allows it, or unpack the library/ folder \
                     of Rust {}'s source there (Debian packages it as rust-src)",
                    source.display(),
                    component_add.join(" "),
                    self.channel
                );
            }
        }
        if !present() {
            bail!(
                "rustup added rust-src, but {} has no library/core",
                source.display()
            );
        }
        Ok(source)
    }

    /// The path of bpf-linker, which is built against the compiler's own LLVM when it is missing.
    pub(crate) fn bpf_linker(&self) -> Result<PathBuf> {
        let name = format!("bpf-linker-{BPF_LINKER_VERSION}-rust-{}", self.channel);
        let dir = env::cache_dir()?.join(name);
        let program = dir.join("bin/bpf-linker");
        if program.is_file() {
            return Ok(program);
        }
        eprintln!(
            "xtask: building bpf-linker {BPF_LINKER_VERSION}, once, into {}",
            dir.display()
        );
        let llvm = dir.join("llvm");
        self.link_llvm(&llvm)?;
        env::run(
            env::cargo()
                .args(["install", "bpf-linker", "--locked", "--no-default-features"])
                .args([
                    "--version",
                    BPF_LINKER_VERSION,
                    "--features",
                    "llvm-22",
                    "--quiet",
                ])
                .arg("--root")
                .arg(&dir)
                .arg("--target-dir")
                .arg(dir.join("build"))
                .env("LLVM_PREFIX", &llvm)
                .env("LD_LIBRARY_PATH", self.lib()),
        )
        .context("cannot build bpf-linker; it needs the crate registry, and a C linker")?;
        fs::remove_dir_all(dir.join("build"))?;
        Ok(program)
    }

    /// Folder of the compiler's libLLVM, which bpf-linker loads.
    pub(crate) fn lib(&self) -> PathBuf {
        self.sysroot.join("lib")
    }

    /// bpf-linker's build script looks for `libLLVM.so` in a prefix. The compiler ships the
    /// library under another name, so the prefix gets a link of each name to it.
    fn link_llvm(&self, prefix: &Path) -> Result<()> {
        let lib = self.lib();
        let library = fs::read_dir(&lib)?
            .filter_map(Result::ok)
            .find(|entry| {
                entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with("libLLVM.so.")
            })
            .with_context(|| format!("no libLLVM.so.* in {}", lib.display()))?;
        let links = prefix.join("lib");
        if links.exists() {
            fs::remove_dir_all(&links)?;
        }
        fs::create_dir_all(&links)?;
        symlink(library.path(), links.join("libLLVM.so"))?;
        symlink(library.path(), links.join(library.file_name()))?;
        Ok(())
    }
}
