//! The same benchmark on another kernel: xtask runs itself in a guest.

use anyhow::{Context as _, Result};
use clap::Parser as _;

use super::{
    ListArgs,
    hooks::{self, HooksArgs},
    report::Output,
};
use crate::{apt, env, vm};

/// Where the guest finds xtask.
const XTASK: &str = "/bin/xtask";

pub(super) fn list(kernel: &str, args: &ListArgs) -> Result<()> {
    let [sockets, processes, rounds] =
        [args.sockets, args.processes, args.rounds].map(|number| number.to_string());
    let output = match args.output {
        Output::Table => "table",
        Output::Json => "json",
    };
    let words = ["list", "--sockets", &sockets, "--processes", &processes]
        .into_iter()
        .chain(["--rounds", &rounds, "--output", output])
        .map(str::to_owned);
    bench(kernel, &[], words.collect())
}

pub(super) fn hooks(kernel: &str, args: &HooksArgs) -> Result<()> {
    apt::install(&[hooks::PACKAGE])?;
    let others: Vec<_> = hooks::OTHERS
        .into_iter()
        .filter_map(|name| {
            Some(format!(
                "{}:/usr/bin/{name}",
                env::find_program(name)?.display()
            ))
        })
        .collect();
    let words = std::iter::once("hooks".to_owned()).chain(args.words_in_guest());
    bench(kernel, &others, words.collect())
}

/// Runs `xtask bench` with these words in a guest that has `added` too.
fn bench(kernel: &str, added: &[String], words: Vec<String>) -> Result<()> {
    #[derive(clap::Parser)]
    struct Vm {
        #[command(flatten)]
        args: vm::Args,
    }
    let xtask = std::env::current_exe().context("where is xtask's own program?")?;
    let add = format!("{}:{XTASK}", xtask.display());
    let vm = [
        "vm",
        "--kernel",
        kernel,
        "--memory",
        "4096",
        "--timeout",
        "1200",
    ];
    let added = added.iter().chain([&add]).flat_map(|add| ["--add", add]);
    let words = vm
        .into_iter()
        .chain(added)
        .chain(["--", XTASK, "bench"])
        .chain(words.iter().map(String::as_str));
    vm::main(&Vm::parse_from(words).args)
}
