//! README's commands are run, and what they print has the form of its transcripts; its flags and
//! subcommands exist.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod kit;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kit::agent::Agent;
use kit::dead_peer::{Link, SERVER};
use kit::options::Options;
use kit::sockets::Pair;
use kit::trace::observer;
use kit::{Need, require};

const README: &str = include_str!("../../README.md");

/// Flags of the programs that README runs beside observer: cargo's, curl's, wget's.
const FLAGS_OF_OTHERS: &[&str] = &["--release", "--keepalive-time"];

/// Text of the fenced blocks of this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let blocks = README.split(&fence).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// Commands of a transcript, each with what it printed.
fn transcript(containing: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let block = blocks("console")
        .into_iter()
        .find(|block| block.contains(containing));
    let block = block.unwrap_or_else(|| panic!("README has no transcript of {containing}"));
    let mut commands = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command, Vec::new())),
            None => {
                let (_, printed) = commands.last_mut().unwrap();
                printed.push(line);
            }
        }
    }
    commands
}

/// Words of the arguments of a command that runs observer, without what follows in the shell.
fn arguments(command: &str) -> Vec<String> {
    let command = command.split(['#', '|', '&']).next().unwrap().trim();
    let command = command.strip_prefix("sudo ").unwrap_or(command);
    let rest = command
        .strip_prefix("observer ")
        .unwrap_or_else(|| panic!("{command}"));
    rest.split_whitespace().map(str::to_owned).collect()
}

fn run(arguments: &[String]) -> Output {
    observer().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Whatever differs from host to host and from run to run, as one sign each.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for word in line.split_whitespace() {
        let word: String = word
            .chars()
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect();
        let mut word = word;
        while word.contains("99") {
            word = word.replace("99", "9");
        }
        shape.push_str(&word);
        shape.push(' ');
    }
    shape.replace("9.9", "9").trim_end().to_owned()
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// A connection to the address that README's transcripts have, with these options.
fn connect(link: &Link, options: &Options) -> Pair {
    let pair = link.pair();
    options.set(&pair.client);
    pair
}

fn keepalive() -> Options {
    Options {
        enabled: Some(true),
        idle_s: Some(60),
        interval_s: Some(60),
        ..Options::default()
    }
}

#[test]
fn its_flags_and_subcommands_exist() {
    let help = |arguments: &[&str]| text(&observer().args(arguments).output().unwrap().stdout);
    let main = help(&["--help"]);
    let subcommands = main
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let subcommands: BTreeSet<&str> = subcommands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(subcommands.len() > 5, "{subcommands:?}");
    let all_help: String = subcommands
        .iter()
        .map(|name| help(&[name, "--help"]))
        .collect();

    let mentioned = README.split("`observer ").skip(1);
    for rest in mentioned {
        let name = rest
            .split(|c: char| !c.is_ascii_lowercase())
            .next()
            .unwrap();
        assert!(subcommands.contains(name), "README: observer {name}");
    }
    for heading in README
        .lines()
        .filter_map(|line| line.strip_prefix("## observer "))
    {
        assert!(subcommands.contains(heading), "README: {heading}");
    }
    let flags = README.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let flags: BTreeSet<&str> = flags
        .filter(|word| word.starts_with("--") && word.len() > 3 && !word.starts_with("---"))
        .filter(|word| !FLAGS_OF_OTHERS.contains(word))
        .collect();
    assert!(flags.len() > 15, "{flags:?}");
    for flag in flags {
        // `--timers` is netstat's.
        let is_there = all_help.contains(flag) || flag == "--timers";
        assert!(is_there, "README has {flag}, and no help does");
    }
}

/// Each of the shell's lines that runs observer.
#[test]
fn its_commands_run() {
    if !require([Need::Root]) {
        return;
    }
    let pid = std::process::id().to_string();
    let mut count = 0;
    for line in blocks("sh").into_iter().flat_map(str::lines) {
        if !line.contains("observer ") || line.starts_with("cargo ") {
            continue;
        }
        let mut words = arguments(line);
        if let Some(at) = words.iter().position(|word| word == "--pid") {
            words[at + 1].clone_from(&pid);
        }
        let output = run(&words);
        let allowed: &[i32] = if line.contains("--fail-on") {
            &[0, 3]
        } else {
            &[0]
        };
        let code = output.status.code().unwrap();
        assert!(
            allowed.contains(&code),
            "{line}: {code}, {}",
            text(&output.stderr)
        );
        count += 1;
    }
    assert!(count >= 4, "{count}");
}

#[test]
fn the_table_is_as_it_shows_it() {
    if !require([Need::Root]) {
        return;
    }
    let link = Link::new();
    let _pairs = [Options::default(), keepalive()].map(|options| connect(&link, &options));
    let commands = transcript("observer list");
    let (command, shown) = &commands[0];
    let output = run(&arguments(command));
    let printed = text(&output.stdout);
    let printed: Vec<&str> = printed.lines().collect();
    assert_eq!(words(printed[0]), words(shown[0]));
    // What a row of its kind holds: README's columns, with this run's numbers.
    let row = |rows: &[&str], verdict: &str| {
        let row = rows.iter().find(|row| row.starts_with(verdict));
        shape(row.unwrap_or_else(|| panic!("no {verdict} in {rows:#?}")))
    };
    for verdict in ["unprotected", "protected"] {
        let (found, promised) = (row(&printed, verdict), row(shown, verdict));
        assert_eq!(
            words(&found).len(),
            words(&promised).len(),
            "{found}\n{promised}"
        );
        // Verdict, then limit and keepalive, then the peer.
        for column in [0, 3, 4] {
            assert_eq!(
                words(&found)[column],
                words(&promised)[column],
                "{found}\n{promised}"
            );
        }
    }
}

/// The two clients of the transcript, played by the test.
#[test]
fn the_trace_is_as_it_shows_it() {
    if !require([Need::Root]) {
        return;
    }
    let link = Link::new();
    let commands = transcript("observer trace");
    let (command, shown) = &commands[0];
    let listener = link.listen();
    let mut trace = observer();
    trace.args(arguments(command)).stdin(Stdio::null());
    let mut trace = trace
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(trace.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("observer: tracing") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let connect = || {
        let address = listener.local_addr().unwrap();
        link.client.enter(|| TcpStream::connect(address).unwrap())
    };
    let wrong = connect();
    let _refused = rustix::net::sockopt::set_tcp_keepidle(&wrong, Duration::from_secs(60_000));
    let right = connect();
    link.silence_server();
    Options {
        enabled: Some(true),
        idle_s: Some(3),
        interval_s: Some(2),
        probes: Some(2),
        ..Options::default()
    }
    .set(&right);
    let output = trace.wait_with_output().unwrap();
    assert!(output.status.success());
    stderr.read_to_string(&mut said).unwrap();
    let printed = text(&output.stdout);
    let mut lines = printed.lines();
    assert_eq!(words(lines.next().unwrap()), words(shown[0]));
    // What happened, without who and when.
    let what = |line: &str| -> String {
        let words = words(line);
        let kind = words.get(1).copied().unwrap_or_default();
        format!(
            "{kind} {}",
            shape(&words.get(6..).unwrap_or_default().join(" "))
        )
    };
    let found: BTreeSet<String> = lines.map(what).collect();
    for line in &shown[1..] {
        if line.starts_with("observer: ") {
            let (_, counts) = line.split_once("observer: ").unwrap();
            let is_there = said.lines().any(|line| {
                line.contains(" events in ") && line.contains("set ") && line.contains(" lost")
            });
            assert!(is_there, "no {counts:?} in {said}");
            continue;
        }
        let promised = what(line);
        assert!(
            found.contains(&promised),
            "no {promised:?} in {found:#?}\n{printed}"
        );
    }
}

#[test]
fn the_explanation_is_as_it_shows_it() {
    if !require([Need::Root]) {
        return;
    }
    let link = Link::new();
    let _pair = connect(&link, &Options::default());
    let commands = transcript("observer explain");
    let (_, shown) = &commands[0];
    let output = run(&arguments(&format!("observer explain --remote {SERVER}")));
    let printed = text(&output.stdout);
    let lines: Vec<&str> = printed.lines().collect();
    assert!(
        lines[0].contains(" -> ") && lines[0].contains(", established, "),
        "{printed}"
    );
    // The columns of the layers, whose names are as long as the widest.
    let layers = |lines: &[&str]| -> Vec<String> {
        let from = lines
            .iter()
            .position(|line| line.starts_with("LAYER"))
            .unwrap();
        let table = lines[from..].iter().take_while(|line| !line.is_empty());
        let names = table.filter_map(|line| line.get(..12)).map(str::trim);
        names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(layers(&lines), layers(shown), "{printed}");
    for sentence in ["No packet for", "the path forgets it in", "hangs for ever"] {
        assert!(shown.join(" ").contains(sentence), "README: {sentence}");
        assert!(lines.join(" ").contains(sentence), "{sentence}: {printed}");
    }
}

#[test]
fn the_agent_serves_what_it_shows() {
    if !require([Need::Root]) {
        return;
    }
    let commands = transcript("observer agent");
    let pair = Pair::new();
    let agent = Agent::start(
        "[path]\ndefault = \"1m\"\n[agent]\nworkload = \"comm\"\n",
        &[],
    );
    let (_, shown) = &commands[0];
    let ready = agent.wait_for_log("ready: ");
    let message = |line: &str| shape(line.split_once("INFO ").unwrap().1);
    assert_eq!(message(&ready), message(shown[0]));
    let (_, metrics) = agent.get("/metrics");
    let (_, shown) = commands
        .iter()
        .find(|(command, _)| command.contains("/metrics"))
        .unwrap();
    for line in shown {
        // Of the test's own process instead.
        let verdict = line
            .split("verdict=")
            .nth(1)
            .unwrap()
            .split('}')
            .next()
            .unwrap();
        let is_there = metrics.lines().any(|line| {
            line.starts_with("observer_workload_sockets{workload=\"")
                && line.contains(&format!(",verdict={verdict}}} "))
        });
        assert!(is_there, "{line}\n{metrics}");
    }
    drop(pair);
}

#[test]
fn the_diagnosis_is_as_it_shows_it() {
    if !require([Need::Root]) {
        return;
    }
    let _pairs: Vec<Pair> = (0..2).map(|_| Pair::new()).collect();
    let commands = transcript("observer doctor");
    let (command, shown) = commands
        .iter()
        .find(|(command, _)| command.starts_with("sudo"))
        .unwrap();
    let printed = text(&run(&arguments(command)).stdout);
    let cost = printed.contains("tracepoint: ");
    for line in shown {
        let Some((name, _)) = line.split_once("   ").filter(|(name, _)| *name == "scan") else {
            continue;
        };
        let found = printed.lines().find(|line| line.starts_with(name));
        let found = found.unwrap_or_else(|| panic!("no {name} in {printed}"));
        assert_eq!(
            shape(found).replace("sockets", "socket"),
            shape(line).replace("sockets", "socket")
        );
    }
    if cost {
        let promised = "for every system call of this host while a trace runs";
        assert!(shown.iter().any(|line| line.contains(promised)));
        assert!(printed.contains(promised), "{printed}");
    }
    // As a user who holds nothing: the first line says what to begin with.
    let (command, shown) = &commands[0];
    assert!(command.starts_with("observer doctor"), "{command}");
    let mut nobody = Command::new("setpriv");
    let rights = [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all",
    ];
    nobody
        .args(rights)
        .arg(observer().get_program())
        .arg("doctor");
    let printed = text(&nobody.output().unwrap().stdout);
    let (first, promised) = (printed.lines().next().unwrap(), shown[0]);
    let before_count = |line: &str| line.split(" (And").next().unwrap().to_owned();
    assert_eq!(before_count(first), before_count(promised));
}

/// On an idle host, `list` says what it has seen and what `--all` would show.
#[test]
fn an_empty_list_says_what_there_is() {
    if !require([Need::Root]) {
        return;
    }
    let netns = kit::netns::TestNetns::new();
    let _listener = netns.enter(|| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let inode = netns.inode().to_string();
    for scan in kit::choices() {
        let list = |arguments: &[&str]| {
            let mut command = observer();
            command
                .args(["list", "--scan", scan.name(), "--netns", &inode])
                .args(arguments);
            let output = command.output().unwrap();
            assert!(output.status.success());
            (text(&output.stdout).lines().count(), text(&output.stderr))
        };
        let (_, said) = list(&[]);
        assert!(said.contains("; 1 other (1 listen) with --all"), "{said}");
        let (lines, said) = list(&["--all"]);
        assert_eq!((lines, said.contains("--all")), (2, false), "{said}");
        let (_, said) = list(&["-o", "json"]);
        assert!(!said.contains("--all"), "{said}");
    }
}
