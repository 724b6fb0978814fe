//! The lab on another kernel: the testbed runs itself in a guest, with the clients that are one program
//! each, and Python's standard library.

use anyhow::{Context as _, Result};
use clap::{Parser as _, ValueEnum as _};
use xtask::{apt, env, vm};

use super::{Args, FALSE_ROWS, clients, prepare};

/// Paths in the guest: the testbed, and what it built.
const TESTBED: &str = "/bin/testbed";
const BUILT: &str = "/lab";

/// Programs of the host that go with it.
const PROGRAMS: &[&str] = &["curl", "nft", "nice", "wget"];

/// Of the host's, all of which Debian's python3 depends on.
const PYTHON: &str = "/usr/bin/python3";

pub(super) fn lab(kernel: &str, args: &Args) -> Result<bool> {
    #[derive(clap::Parser)]
    struct Vm {
        #[command(flatten)]
        args: vm::Args,
    }
    apt::install(clients::PACKAGES)?;
    let (work, _lock) = prepare::work()?;
    let testbed = std::env::current_exe().context("where is the testbed's own program?")?;
    let mut words: Vec<String> = ["vm", "--kernel", kernel, "--memory", "4096"]
        .map(str::to_owned)
        .into();
    let mut add = |host: &str, guest: &str| {
        words.extend(["--add".to_owned(), format!("{host}:{guest}")]);
    };
    add(&testbed.to_string_lossy(), TESTBED);
    for file in ["go", "http_client.py", "reqwest"] {
        let file_there = format!("{BUILT}/{file}");
        add(&work.join(file).to_string_lossy(), &file_there);
    }
    for name in PROGRAMS {
        let program = env::find_program(name).with_context(|| format!("no {name} on PATH"))?;
        add(&program.to_string_lossy(), &format!("/usr/bin/{name}"));
    }
    add(PYTHON, PYTHON);
    let library = python_library()?;
    add(&library, &library);
    words.extend(["--", TESTBED, "lab", "--built", BUILT].map(str::to_owned));
    words.extend(rest(args));
    let Err(error) = vm::main(&Vm::parse_from(words).args) else {
        return Ok(true);
    };
    // It has reported which rows are false.
    let failed = error.downcast_ref::<vm::Failed>();
    if failed.is_some_and(|failed| failed.exit_code == Some(FALSE_ROWS.into())) {
        return Ok(false);
    }
    Err(error.context("in the guest; what it printed is above"))
}

/// The folder of its standard library.
fn python_library() -> Result<String> {
    let print = "import os; print(os.path.dirname(os.__file__))";
    env::stdout(std::process::Command::new(PYTHON).args(["-c", print]))
}

/// Arguments that the guest's lab gets too.
fn rest(args: &Args) -> Vec<String> {
    let mut words = vec!["--limit".to_owned(), format!("{}s", args.limit)];
    let name = |value: Option<clap::builder::PossibleValue>| {
        value
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    };
    words.extend([
        "--on-forgotten".to_owned(),
        name(args.on_forgotten.to_possible_value()),
    ]);
    words.extend(["--output".to_owned(), name(args.output.to_possible_value())]);
    for only in &args.only {
        words.extend(["--only".to_owned(), only.clone()]);
    }
    if let Some(limit_s) = args.told {
        words.extend(["--told".to_owned(), format!("{limit_s}s")]);
    }
    words
}
