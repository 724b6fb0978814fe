//! The diagnosis for people: the worst first, then what was chosen and costs, then each check.

use std::io::{self, Write};

use super::tenth_ms;
use super::wrap::push_wrapped;
use crate::doctor::{Check, Diagnosis, Outcome, Scanned, SyscallCost};
use crate::text::escape;
use crate::text::push::raw;

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
        Some(cost) => {
            let beside = match facts.notes {
                Ok(Some(_)) => ", beside those of another observer that runs",
                _ => "",
            };
            format!("{}: {}{beside}", facts.hooks_name(), syscall_cost(cost))
        }
        None => facts.hooks_name().to_owned(),
    };
    raw(out, "hooks  ");
    push_wrapped(out, CHOICES, &hooks);
}

/// Sockets from which on the time for each says something.
const MANY: usize = 1000;

fn scan_cost(scan: &Scanned) -> String {
    let took = tenth_ms(scan.took);
    let (name, sockets) = (scan.name, scan.sockets);
    match scan.ns_each() {
        // With fewer, most of it is what any scan takes.
        Some(each) if sockets >= MANY => {
            format!("{name}: {took} ms for {sockets} connected sockets, {each} ns each")
        }
        Some(_) => format!("{name}: {took} ms for {sockets} connected sockets"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::testing;

    fn shown(diagnosis: &Diagnosis, color: bool) -> String {
        let mut out = Vec::new();
        write(&mut out, diagnosis, color).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_host_without_any_lack() {
        let text = shown(&Diagnosis::of(testing::facts()), false);
        assert_eq!(
            text,
            "\
Nothing is unknown on this host.

scan   bpf: 12.4 ms for 1000 connected sockets, 12430 ns each
hooks  trampoline

ok    kernel                           6.12.107
ok    btf                              71 of the 71 fields that observer reads
ok    lockdown                         none
ok    user-namespace                   the host's
ok    pid-namespace                    the host's
ok    clock                            the kernel's
ok    CAP_BPF                          held
ok    CAP_PERFMON                      held
ok    CAP_SYS_ADMIN                    held
ok    CAP_SYS_PTRACE                   held
ok    CAP_DAC_READ_SEARCH              held
ok    CAP_SYS_CHROOT                   held
ok    CAP_NET_ADMIN                    held
ok    memlock                          at most 8192 KiB
ok    perf-event-paranoid              2
ok    iter.task_file                   loaded, attached, opened
ok    iter.tcp                         loaded, attached, opened
ok    ring-buffer                      made and opened
ok    cookie-helper                    bpf_get_socket_cookie
ok    hook.life                        attached and detached
ok    hook.accept.trampoline           attached and detached
ok    hook.accept.tracepoint           attached and detached
ok    hook.setsockopt.trampoline       attached and detached
ok    hook.setsockopt.tracepoint       attached and detached
ok    hook.keepalive-timer.trampoline  attached and detached
ok    hook.keepalive-timer.tracepoint  attached and detached
ok    tracefs                          mounted at /sys/kernel/tracing
ok    sock-diag                        answers
ok    pidfd-getfd                      works for all 90 processes
ok    proc                             shows all of 90 processes
ok    network-namespaces               3, each can be entered
ok    sysctls                          tcp_keepalive_time 7200, _intvl 75,
                                       _probes 9
ok    running-observer                 none: list has no last_set, age_ms and
                                       keepalive.sent before a trace runs
ok    scan                             bpf
ok    hooks                            trampoline, checked on a socket of
                                       observer's own
"
        );
    }

    #[test]
    fn what_is_lost_comes_first_and_hostile_words_are_escaped() {
        let mut facts = testing::facts();
        facts.lockdown = Err("cannot read it".to_owned());
        facts.clock_offset_s = -7;
        facts.sock_diag = Err("a\x1b[31m\nb".to_owned());
        let diagnosis = Diagnosis::of(facts);
        let text = shown(&diagnosis, false);
        assert_eq!(
            text.lines().next(),
            Some(
                "clock: a time namespace, -7 s off the kernel's monotonic clock. Lost: age_ms, last_set.ago_ms and the times of events are wrong by as much. To do: run observer in the host's time namespace."
            )
        );
        for part in [
            "?     lockdown\n        cannot read it\nok  ",
            "LOST  clock\n        a time namespace, -7 s off the kernel's monotonic clock\n        lost: age_ms,",
            "note  sock-diag\n        a\\x1b[31m\\nb\n        so: nothing: the scan is by bpf\n        to do: modprobe tcp_diag\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(text.lines().skip(1).all(|line| line.len() <= 80), "{text}");
        let colored = shown(&diagnosis, true);
        assert!(
            colored.contains("\x1b[1;31mLOST\x1b[0m  clock\n"),
            "{colored}"
        );
    }
}
