//! Debian packages: those that the machine needs, and those that are only unpacked.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::env;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Installs the packages that are missing, from the machine's own sources.
pub fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| !installed(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install {}", missing.join(" "));
    can_install(&by_hand)?;
    eprintln!("xtask: installing {}", missing.join(", "));
    let install = || {
        env::run(
            env::as_root("apt-get")
                .args(["install", "--yes", "--quiet=2", "--no-install-recommends"])
                .args(&missing),
        )
    };
    // The lists of a new machine may be old or empty.
    if install().is_err() {
        env::run(env::as_root("apt-get").args(["update", "--quiet=2"]))?;
        install().with_context(|| format!("run `{by_hand}` yourself"))?;
    }
    Ok(())
}

fn installed(package: &str) -> bool {
    let query = ["--show", "--showformat", "${db:Status-Abbrev}", package];
    env::stdout(Command::new("dpkg-query").args(query)).is_ok_and(|state| state.starts_with("ii"))
}

fn can_install(by_hand: &str) -> Result<()> {
    if env::find_program("apt-get").is_none() {
        bail!("this is no Debian: install by hand what `{by_hand}` would");
    }
    if !env::is_root() && env::find_program("sudo").is_none() {
        bail!("neither root nor sudo: run `{by_hand}` as root");
    }
    Ok(())
}

/// The release that this machine runs, as `bookworm`.
pub(crate) fn codename() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release")?;
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(codename
        .context("/etc/os-release has no code name")?
        .to_owned())
}

/// Package lists of chosen suites in a folder of their own, beside the machine's.
pub(crate) struct Lists {
    dir: PathBuf,
}

impl Lists {
    pub(crate) fn fetch(dir: &Path, suites: &[String]) -> Result<Self> {
        for folder in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(dir.join(folder))?;
        }
        let mut sources = String::new();
        for suite in suites {
            let mirror = mirror(suite.ends_with("-security"))?;
            let stanza = format!(
                "Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\n\
                 Signed-By: {KEYRING}\n\n"
            );
            sources.push_str(&stanza);
        }
        fs::write(dir.join("suites.sources"), sources)?;
        let lists = Self {
            dir: dir.to_path_buf(),
        };
        env::run(
            lists
                .options(Command::new("apt-get"))
                .args(["update", "--quiet=2"]),
        )?;
        Ok(lists)
    }

    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let names = env::stdout(
            self.options(Command::new("apt-cache"))
                .args(["pkgnames", prefix]),
        )?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Downloads packages without installing them.
    pub(crate) fn download(&self, packages: &[String], into: &Path) -> Result<()> {
        let mut command = self.options(Command::new("apt-get"));
        command.args(["--quiet=2", "download"]).args(packages);
        env::run(command.current_dir(into))
    }

    /// Installs a package from these lists; its dependencies too.
    pub(crate) fn install(&self, package: &str, suite: &str) -> Result<()> {
        let by_hand = format!("apt-get install --target-release {suite} {package}");
        can_install(&by_hand)?;
        let mut command = self.options(env::as_root("apt-get"));
        command
            // The packages that are installed count here, unlike for a download.
            .args(["-o", "Dir::State::status=/var/lib/dpkg/status"])
            .args(["install", "--yes", "--quiet=2", "--no-install-recommends"])
            .args(["--target-release", suite, package]);
        env::run(&mut command).with_context(|| format!("run `{by_hand}` yourself"))
    }

    fn options(&self, mut command: Command) -> Command {
        let dir = self.dir.display();
        for option in [
            format!("Dir::Etc::SourceList={dir}/suites.sources"),
            "Dir::Etc::SourceParts=-".to_owned(),
            format!("Dir::State={dir}"),
            format!("Dir::State::lists={dir}/lists"),
            "Dir::State::status=/dev/null".to_owned(),
            format!("Dir::Cache={dir}/cache"),
            "Acquire::Languages=none".to_owned(),
            // apt's sandbox user cannot write into root's cache folder.
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        command
    }
}

/// The machine's own mirror of Debian's archive, or of its security archive.
fn mirror(security: bool) -> Result<String> {
    let (variable, what) = if security {
        ("OBSERVER_DEBIAN_SECURITY_MIRROR", "security archive")
    } else {
        ("OBSERVER_DEBIAN_MIRROR", "archive")
    };
    if let Ok(mirror) = std::env::var(variable) {
        return Ok(mirror);
    }
    let codename = codename()?;
    let targets = env::stdout(Command::new("apt-get").args([
        "indextargets",
        "--no-release-info",
        "--format",
        "$(RELEASE) $(SITE)",
    ]))?;
    let suite = if security {
        format!("{codename}-security")
    } else {
        codename
    };
    targets
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(release, _)| *release == suite)
        .map(|(_, site)| site.to_owned())
        .with_context(|| {
            format!(
                "this machine's apt sources name no mirror of Debian's {what} ({suite}): \
                 set {variable} to one"
            )
        })
}
