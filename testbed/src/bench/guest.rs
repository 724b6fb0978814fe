//! The same benchmark on another kernel: the testbed runs itself in a guest.

use std::fs;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use xtask::{apt, env, vm};

use super::{attached, floors, options::Options, results::Place, section::Section};

/// Path of the testbed in the guest.
const TESTBED: &str = "/bin/testbed";
/// The line of the guest's log that holds its results. Lines that begin so are not shown.
const RESULTS: &str = "@@observer-results ";
/// The run may take so long, and the guest's start some seconds more.
const LONGEST_S: &str = "2400";
const MEMORY_MIB: &str = "6144";

/// Measures in a guest with this kernel.
pub(super) fn measure(kernel: &str, options: &Options) -> Result<Place> {
    let sections = options.plan(true)?.sections;
    let mut add = vec![format!(
        "{}:{TESTBED}",
        std::env::current_exe()
            .context("where is the testbed's own program?")?
            .display()
    )];
    if sections.contains(&Section::Floors) {
        let program = floors::build(vm::PROFILE)?;
        add.push(format!("{}:{}", program.display(), floors::IN_GUEST));
    }
    if sections.contains(&Section::Hooks) || sections.contains(&Section::Churn) {
        apt::install(&[attached::PACKAGE])?;
        add.extend(attached::OTHERS.into_iter().filter_map(|name| {
            let program = env::find_program(name)?;
            Some(format!("{}:/usr/bin/{name}", program.display()))
        }));
    }
    let log = vm::log_of(kernel);
    // Results of another run are none of this one.
    let _gone = fs::remove_file(&log);
    let ran = run(kernel, &add, options);
    let text = fs::read_to_string(&log).unwrap_or_default();
    match read(&text) {
        Ok(place) => {
            // One section may have failed, the others have not.
            if let Err(error) = ran {
                eprintln!("testbed: {error:#}");
            }
            Ok(place)
        }
        Err(error) => Err(ran.err().unwrap_or(error)),
    }
}

fn run(kernel: &str, add: &[String], options: &Options) -> Result<()> {
    #[derive(clap::Parser)]
    struct Vm {
        #[command(flatten)]
        args: vm::Args,
    }
    let vm = [
        "vm",
        "--kernel",
        kernel,
        "--memory",
        MEMORY_MIB,
        "--timeout",
        LONGEST_S,
    ];
    let added = add.iter().flat_map(|add| ["--add", add]);
    let words = vm
        .into_iter()
        .chain(added)
        .chain(["--", TESTBED, "bench"])
        .map(str::to_owned)
        .chain(options.words_in_guest());
    vm::main(&Vm::parse_from(words).args)
}

/// In the guest: hands to the host what was measured so far. A guest that is killed later has not
/// worked for nothing.
pub(super) fn emit(place: &Place) -> Result<()> {
    println!("\n{RESULTS}{}", serde_json::to_string(place)?);
    Ok(())
}

fn read(log: &str) -> Result<Place> {
    let mut latest_first = log.lines().rev();
    let json = latest_first.find_map(|line| line.strip_prefix(RESULTS));
    let json = json.context("the guest ended without results")?;
    serde_json::from_str(json).context("the guest's results are damaged")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::testing::results;

    #[test]
    fn results_are_found_in_the_log() {
        let place = results().guest;
        let json = serde_json::to_string(&place).unwrap();
        let log = format!(
            "[ 1.0] booting\n{RESULTS}{{}}\nxtask: list\n\n{RESULTS}{json}\n@@observer-end command 0\n"
        );
        assert_eq!(read(&log).unwrap(), place);
        assert!(read("[ 1.0] panic\n").is_err());
        assert!(read(&log.replace('}', "")).is_err());
    }
}
