//! Check that the Dockerfile finds what it copies, and starts what it copied. There is no container
//! engine to build it with.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

const BASE: &str = "debian:bookworm-slim";

/// `context` is the folder that the image is built from.
pub(super) fn check(dockerfile: &str, context: &Path) -> Result<()> {
    let instructions = instructions(dockerfile);
    let of = |name: &str| -> Vec<&str> {
        let named = instructions
            .iter()
            .filter(|(instruction, _)| instruction == name);
        named.map(|(_, arguments)| arguments.as_str()).collect()
    };
    ensure!(of("FROM").last() == Some(&BASE), "the base is not {BASE}");
    ensure!(of("RUN").is_empty(), "the image is copied, not built");
    let mut copied = Vec::new();
    for copy in of("COPY") {
        let words: Vec<_> = copy.split_whitespace().collect();
        let Some((to, from)) = words.split_last() else {
            bail!("COPY without arguments");
        };
        if from.first().is_some_and(|word| word.starts_with("--from=")) {
            continue;
        }
        for file in from {
            ensure!(
                context.join(file).is_file(),
                "COPY {file}: `cargo xtask dist` leaves no such file in {}",
                context.display()
            );
        }
        copied.push(*to);
    }
    let entry = of("ENTRYPOINT");
    // In the form of a list, or signals go to a shell.
    let entry: Vec<String> = serde_json::from_str(entry.last().context("no ENTRYPOINT")?)
        .context("ENTRYPOINT is no list")?;
    let [program, command] = entry.as_slice() else {
        bail!("ENTRYPOINT is not a program and a command");
    };
    ensure!(
        copied.contains(&program.as_str()),
        "{program} is not copied"
    );
    ensure!(command == "agent", "it starts {command}");
    Ok(())
}

/// Instruction and arguments of each; lines that end in a backslash are joined.
fn instructions(dockerfile: &str) -> Vec<(String, String)> {
    let lines = dockerfile
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.fold(String::new(), |text, line| match line.strip_suffix('\\') {
        Some(begun) => text + begun,
        None => text + line + "\n",
    });
    let split = joined
        .lines()
        .filter_map(|line| line.trim().split_once(' '));
    split
        .map(|(name, rest)| (name.to_uppercase(), rest.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKERFILE: &str = include_str!("../../../dist/docker/Dockerfile");

    fn complaint(dockerfile: &str) -> String {
        let context = std::env::temp_dir().join(format!("observer-image-{}", std::process::id()));
        std::fs::create_dir_all(&context).unwrap();
        for file in ["observer", "LICENSE-MIT", "LICENSE-APACHE"] {
            std::fs::write(context.join(file), "").unwrap();
        }
        let result = check(dockerfile, &context);
        std::fs::remove_dir_all(&context).unwrap();
        result.map_or_else(|error| format!("{error:#}"), |()| "none".to_owned())
    }

    #[test]
    fn mistakes_in_the_dockerfile_are_found() {
        assert_eq!(complaint(DOCKERFILE), "none");
        for (right, wrong, expected) in [
            (
                "COPY observer ",
                "COPY target/release/observer ",
                "no such file",
            ),
            (
                "[\"/usr/bin/observer\", \"agent\"]",
                "observer agent",
                "no list",
            ),
            ("[\"/usr/bin/observer\"", "[\"/bin/observer\"", "not copied"),
            ("USER 0:0", "RUN apt-get update", "not built"),
            ("FROM debian:bookworm-slim", "FROM alpine", "base"),
        ] {
            assert!(DOCKERFILE.contains(right), "{right}");
            let complaint = complaint(&DOCKERFILE.replace(right, wrong));
            assert!(complaint.contains(expected), "{wrong}: {complaint}");
        }
    }
}
