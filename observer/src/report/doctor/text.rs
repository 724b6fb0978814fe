//! The diagnosis for people: the worst first, then what was chosen and costs, then each check.

use std::io::{self, Write};

use super::super::push::raw;
use super::tenth_ms;
use super::wrap::push_wrapped;
use crate::doctor::{Check, Diagnosis, Outcome, Scanned, SyscallCost};
use crate::report::escape;

/// Writes it.
pub fn write(to: &mut dyn Write, diagnosis: &Diagnosis, color: bool) -> io::Result<()> {
    let mut out = Vec::new();
    headline(&mut out, diagnosis);
    out.push(b'\n');
    choices(&mut out, diagnosis);
    out.push(b'\n');
    checks(&mut out, &diagnosis.checks, color);
    to.write_all(&out)?;
    to.flush()
}

/// One line, however long: whoever takes the first line has the reason.
fn headline(out: &mut Vec<u8>, diagnosis: &Diagnosis) {
    let Some(worst) = diagnosis.worst() else {
        raw(out, "Nothing is unknown on this host.\n");
        return;
    };
    let mut line = format!("{}: {}.", worst.name, worst.detail);
    if let Some(consequence) = &worst.consequence {
        line += &format!(" Lost: {consequence}.");
    }
    if let Some(remedy) = &worst.remedy {
        line += &format!(" To do: {remedy}.");
    }
    let more = diagnosis.lost().count() - 1;
    if more > 0 {
        line += &format!(" (And {more} more, marked {}.)", Outcome::Lost.mark());
    }
    escape::push_text(out, line.as_bytes());
    out.push(b'\n');
}

/// Where the text of `scan` and `hooks` begins.
const CHOICES: usize = 7;

fn choices(out: &mut Vec<u8>, diagnosis: &Diagnosis) {
    let facts = &diagnosis.facts;
    let scan = match &facts.scan {
        Ok(scan) => scan_cost(scan),
        Err(_) => "none works".to_owned(),
    };
    raw(out, "scan   ");
    push_wrapped(out, CHOICES, &scan);
    let cost = facts.opened_hooks().and_then(|hooks| hooks.cost);
    let hooks = match cost {
        Some(cost) => format!("{}: {}", facts.hooks_name(), syscall_cost(cost)),
        None => facts.hooks_name().to_owned(),
    };
    raw(out, "hooks  ");
    push_wrapped(out, CHOICES, &hooks);
}

fn scan_cost(scan: &Scanned) -> String {
    let took = tenth_ms(scan.took);
    let (name, sockets) = (scan.name, scan.sockets);
    match scan.ns_each() {
        Some(each) => format!("{name}: {took} ms for {sockets} connected sockets, {each} ns each"),
        None => format!("{name}: {took} ms, no connected socket"),
    }
}

fn syscall_cost(cost: SyscallCost) -> String {
    let SyscallCost {
        without_ns,
        with_ns,
    } = cost;
    let added = with_ns - without_ns;
    format!(
        "{added:+.0} ns for every system call of this host while a trace runs (getppid {without_ns:.0} ns without, {with_ns:.0} ns with hooks)"
    )
}

const RESET: &str = "\x1b[0m";

const fn color_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Fine => "\x1b[32m",
        Outcome::Unknown => "\x1b[2m",
        Outcome::Note => "\x1b[33m",
        Outcome::Lost => "\x1b[1;31m",
    }
}

/// As wide as the longest name of a check that has its detail on the same line.
const NAME: usize = "hook.keepalive-timer.trampoline".len();

fn checks(out: &mut Vec<u8>, checks: &[Check], color: bool) {
    let mut before: Option<&Check> = None;
    for check in checks {
        let mark = check.outcome.mark();
        let (begin, end) = if color {
            (color_of(check.outcome), RESET)
        } else {
            ("", "")
        };
        raw(out, &format!("{begin}{mark:<4}{end}  "));
        if check.outcome == Outcome::Fine {
            raw(out, &format!("{:<NAME$}  ", check.name));
            push_wrapped(out, "ok    ".len() + NAME + 2, &check.detail);
        } else {
            raw(out, &format!("{}\n", check.name));
            details(out, check, before);
        }
        before = Some(check);
    }
}

/// The lines below a check that is not fine. What several programs are refused for alike is said
/// once.
fn details(out: &mut Vec<u8>, check: &Check, before: Option<&Check>) {
    let before = before.filter(|before| before.outcome == check.outcome);
    let is_repeated = before.is_some_and(|before| before.detail == check.detail);
    let detail = if is_repeated {
        "the same"
    } else {
        &check.detail
    };
    further(out, "", detail);
    let label = match check.outcome {
        Outcome::Lost => "lost: ",
        _ => "so: ",
    };
    for (label, text, text_before) in [
        (
            label,
            &check.consequence,
            before.map(|check| &check.consequence),
        ),
        ("to do: ", &check.remedy, before.map(|check| &check.remedy)),
    ] {
        if let Some(shown) = text
            .as_ref()
            .filter(|_| !is_repeated || text_before != Some(text))
        {
            further(out, label, shown);
        }
    }
}

/// A further line of a check, below its name.
fn further(out: &mut Vec<u8>, label: &str, text: &str) {
    const INDENT: usize = "note  ".len() + 2;
    out.resize(out.len() + INDENT, b' ');
    push_wrapped(out, INDENT, &format!("{label}{text}"));
}
