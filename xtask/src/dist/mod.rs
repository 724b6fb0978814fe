//! `cargo xtask dist`: what is given to others, in `target/dist`: the binary as the container image
//! copies it, and the Debian package.

mod changelog;
mod check;
mod image;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use xtask::{apt, env};

use crate::{step::step, tools};

/// dpkg-shlibdeps finds out on which libc the binary depends; strip takes its symbols.
const PACKAGES: &[&str] = &["binutils", "dpkg-dev"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Look into the package too, and install and purge it in an overlay over this host's files
    #[arg(long)]
    pub(crate) check: bool,
    /// Cargo's profile to build with; what is given to others is built with release
    #[arg(long, default_value = "release")]
    pub(crate) profile: String,
}

pub(crate) fn main(args: &Args) -> Result<()> {
    let root = env::workspace_root();
    step("packages", || apt::install(PACKAGES))?;
    let mut package = PathBuf::new();
    step("distribution", || {
        package = build(&root, &args.profile)?;
        println!("{}", package.display());
        Ok(())
    })?;
    if args.check {
        step("what the package holds", || check::contents(&package))?;
        step("the container image's parts", || {
            let parts = package.parent().context("the package is in no folder")?;
            image::check(
                &fs::read_to_string(root.join("dist/docker/Dockerfile"))?,
                parts,
            )
        })?;
        step("install and purge", || check::install(&root, &package))?;
    }
    Ok(())
}

/// The package's path.
fn build(root: &Path, profile: &str) -> Result<PathBuf> {
    env::run(env::cargo().current_dir(root).args([
        "build",
        "--profile",
        profile,
        "--locked",
        "--package",
        "observer",
    ]))?;
    let target = env::target_dir(root);
    let built = target.join(profile);
    let binary = built.join("observer");
    generate(root, &binary, &built.join("share"))?;

    let dist = target.join("dist");
    // Packages of earlier versions would be taken for this one's.
    match fs::remove_dir_all(&dist) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&dist)?,
    }
    fs::copy(&binary, dist.join("observer"))?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(root.join(licence), dist.join(licence))?;
    }
    env::run(
        tools::DEB
            .command()?
            .current_dir(root)
            .args(["--package", "observer", "--no-build", "--quiet"])
            .args(["--profile", profile, "--output"])
            .arg(&dist)
            // Times in the package, so that the same commit makes the same one.
            .env("SOURCE_DATE_EPOCH", committed(root, "%ct")?),
    )?;
    package_in(&dist)
}

/// Man page and completions, which the program prints, and Debian's changelog.
fn generate(root: &Path, binary: &Path, share: &Path) -> Result<()> {
    fs::create_dir_all(share)?;
    for (file, arguments) in [
        ("observer.8", ["man"].as_slice()),
        ("observer.bash", &["completions", "bash"]),
        ("_observer", &["completions", "zsh"]),
        ("observer.fish", &["completions", "fish"]),
    ] {
        let text = env::output(Command::new(binary).args(arguments))?.stdout;
        fs::write(share.join(file), text)?;
    }
    let changelog = changelog::debian(
        &fs::read_to_string(root.join("CHANGELOG.md"))?,
        env!("CARGO_PKG_VERSION"),
        &committed(root, "%cD")?,
    );
    fs::write(share.join("changelog.Debian"), changelog)?;
    // What Debian wants compressed. cargo-deb does not see that these two are no programs.
    env::run(
        Command::new("gzip")
            .current_dir(share)
            .args(["--best", "--no-name", "--force"])
            .args(["changelog.Debian", "observer.8"]),
    )
}

/// Of the last commit, in one of git's formats.
fn committed(root: &Path, format: &str) -> Result<String> {
    let mut git = Command::new("git");
    git.current_dir(root)
        .args(["log", "-1", &format!("--format={format}")]);
    env::stdout(&mut git)
}

fn package_in(dist: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(dist)?.collect::<Result<Vec<_>, _>>()?;
    let mut packages = files
        .into_iter()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "deb"));
    let package = packages.next().context("cargo-deb made no package")?;
    if packages.next().is_some() {
        bail!("more than one package in {}", dist.display());
    }
    Ok(package)
}
