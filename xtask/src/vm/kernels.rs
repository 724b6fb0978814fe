//! Debian's cloud kernels, fetched once into the cache.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::modules;
use crate::{apt::Lists, env};

/// A kernel ready to boot.
pub(crate) struct Kernel {
    pub(crate) series: String,
    pub(crate) release: String,
    pub(crate) image: PathBuf,
    /// In the order in which they have to be loaded.
    pub(crate) modules: Vec<PathBuf>,
}

/// The newest kernel of a series such as `6.12`, or `newest`. What is in the cache is taken
/// without asking the network, unless `refresh`.
pub(crate) fn get(series: &str, refresh: bool) -> Result<Kernel> {
    let dir = env::cache_dir()?.join("kernels").join(series);
    if refresh || !dir.is_dir() {
        fetch(series, &dir).with_context(|| format!("cannot get a Debian kernel {series}"))?;
    }
    let read = |name| {
        let file = dir.join(name);
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
    };
    Ok(Kernel {
        series: series.to_owned(),
        release: read("release")?,
        image: dir.join("vmlinuz"),
        modules: read("modules.order")?
            .lines()
            .map(|name| dir.join(name))
            .collect(),
    })
}

fn suites(series: &str) -> Vec<String> {
    let codename = match series {
        "5.10" => "bullseye",
        "6.1" => "bookworm",
        "6.12" => "trixie",
        _ => return vec!["trixie-backports".to_owned()],
    };
    // An old release gets its newest kernels by the security archive alone.
    vec![codename.to_owned(), format!("{codename}-security")]
}

fn fetch(series: &str, dir: &Path) -> Result<()> {
    let cache = env::cache_dir()?;
    let suites = suites(series);
    let lists = Lists::fetch(&cache.join("apt").join(&suites[0]), &suites)?;
    let images = lists.names("linux-image-")?;
    let release = newest(&images, series)
        .with_context(|| format!("{} has no linux-image of that series", suites.join(" and ")))?;

    // Later kernels come in three packages, of which the image is empty.
    let parts: Vec<String> = ["linux-binary-", "linux-modules-"]
        .map(|part| format!("{part}{release}"))
        .into_iter()
        .chain([format!("linux-image-{release}")])
        .collect();
    let known = [
        images,
        lists.names("linux-binary-")?,
        lists.names("linux-modules-")?,
    ]
    .concat();
    let packages: Vec<String> = parts
        .into_iter()
        .filter(|part| known.contains(part))
        .collect();
    eprintln!("xtask: fetching {}", packages.join(", "));

    let scratch = dir.with_extension("part");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    let unpacked = scratch.join("unpacked");
    fs::create_dir_all(&unpacked)?;
    lists.download(&packages, &scratch)?;
    for entry in fs::read_dir(&scratch)? {
        let package = entry?.path();
        if package
            .extension()
            .is_some_and(|extension| extension == "deb")
        {
            env::run(
                Command::new("dpkg-deb")
                    .arg("-x")
                    .arg(&package)
                    .arg(&unpacked),
            )?;
            fs::remove_file(&package)?;
        }
    }
    fs::rename(image(&unpacked, &release)?, scratch.join("vmlinuz"))?;
    let order = modules::extract(&unpacked, &scratch)?;
    fs::remove_dir_all(&unpacked)?;
    fs::write(scratch.join("modules.order"), order.join("\n"))?;
    fs::write(scratch.join("release"), &release)?;
    // Only a complete kernel gets its name.
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::rename(&scratch, dir)?;
    Ok(())
}

fn image(unpacked: &Path, release: &str) -> Result<PathBuf> {
    [
        format!("boot/vmlinuz-{release}"),
        format!("usr/lib/modules/{release}/vmlinuz"),
        format!("lib/modules/{release}/vmlinuz"),
    ]
    .iter()
    .map(|place| unpacked.join(place))
    .find(|file| file.is_file())
    .with_context(|| format!("the packages of {release} hold no vmlinuz in a known place"))
}

fn newest(images: &[String], series: &str) -> Option<String> {
    images
        .iter()
        .filter_map(|name| name.strip_prefix("linux-image-"))
        .filter(|release| release.ends_with("-cloud-amd64"))
        .filter(|release| match series {
            "newest" => release.matches('.').count() >= 2,
            _ => release
                .strip_prefix(series)
                .is_some_and(|rest| rest.starts_with('.')),
        })
        .max_by_key(|release| numbers(release))
        .map(str::to_owned)
}

/// `6.12.90+deb13.1-cloud-amd64` as `[6, 12, 90, 13, 1, 64]`, which sorts as versions do.
pub(super) fn numbers(release: &str) -> Vec<u32> {
    release
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::newest;

    #[test]
    fn the_newest_of_a_series_by_number_not_by_letter() {
        let images = [
            "linux-image-6.1-cloud-amd64",
            "linux-image-6.1.0-9-cloud-amd64",
            "linux-image-6.1.0-56-cloud-amd64",
            "linux-image-6.1.0-57-cloud-amd64-unsigned",
            "linux-image-6.12.90+deb13.1-cloud-amd64",
            "linux-image-6.12.117+deb13-cloud-amd64",
            "linux-image-7.2.12+deb13-cloud-amd64",
            "linux-image-7.3.4+deb13-cloud-amd64-dbg",
            "linux-image-cloud-amd64",
        ]
        .map(str::to_owned);
        let found = |series| newest(&images, series);
        assert_eq!(found("6.1").as_deref(), Some("6.1.0-56-cloud-amd64"));
        assert_eq!(found("6.12").as_deref(), Some("6.12.117+deb13-cloud-amd64"));
        assert_eq!(found("newest").as_deref(), Some("7.2.12+deb13-cloud-amd64"));
        assert_eq!(found("5.10"), None);
    }
}
