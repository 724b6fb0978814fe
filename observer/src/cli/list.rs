//! `observer list`: one scan, judged, selected, sorted, printed.

use std::io::{self, IsTerminal as _};
use std::time::Instant;

use anyhow::Context as _;

use super::args::{FailOn, Hooks, ListArgs, Output, Sort};
use super::exit::Exit;
use super::shared::{policy, scan_choice, use_color};
use super::{log, say};
use crate::policy::{Health, Judged, Judgement, Policy, Selection, Verdict};
use crate::report::json::{self, Meta};
use crate::report::order::{self, Order};
use crate::report::table::{self, Style};
use crate::scan::{Request, Unknown};
use crate::source::Source;

pub(super) fn run(args: &ListArgs) -> anyhow::Result<Exit> {
    log::start(args.common.verbose);
    let policy = policy(&args.common)?;
    let selection = args.select.selection();
    let request = Request {
        states: selection.scan_states(),
    };

    let mut source = Source::open(scan_choice(args.common.scan))?;
    if args.common.hooks() != Hooks::None {
        source.ask_running_observer();
    }
    let taken_at = jiff::Timestamp::now();
    let began = Instant::now();
    let mut scan = source.scan(&request)?;
    let scan_took = began.elapsed();
    say_once(source.notices(), &scan.notices);

    selection.put_asked_owners_first(&mut scan.sockets);
    // The phases outlive the borrow that the judged sockets hold.
    let mut phases = std::mem::take(&mut scan.phases);
    let sockets = timed(&mut phases, "judge", || {
        let mut sockets = judged(&scan.sockets, &policy, &selection);
        order::sort(&mut sockets, order(args.sort));
        sockets
    });
    let unknown = with_lost_to_hooks(std::mem::take(&mut scan.unknown), source.hooks_name());
    let uname = rustix::system::uname();
    let meta = Meta {
        taken_at,
        host: uname.nodename().to_string_lossy(),
        kernel: uname.release().to_string_lossy(),
        scan: source.scan_name(),
        hooks: source.hooks_name(),
        scan_tenth_ms: u64::try_from(scan_took.as_micros() / 100).unwrap_or(u64::MAX),
        sockets_seen: scan.sockets.len(),
        unknown: &unknown,
    };
    let printed = timed(&mut phases, "print", || print(args, &meta, &sockets));
    for phase in &phases {
        let took_ms = phase.took.as_secs_f64() * 1000.0;
        tracing::debug!("{} took {took_ms:.2} ms", phase.name);
    }
    if let Err(error) = printed
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(error).context("cannot write to stdout");
    }

    let matched = sockets.iter().any(|judged| {
        args.fail_on
            .iter()
            .any(|what| fails(*what, &judged.judgement))
    });
    // The process ends: giving back each of a host's sockets would only take time.
    std::mem::forget(scan);
    Ok(if matched { Exit::Matched } else { Exit::Done })
}

fn order(sort: Option<Sort>) -> Order {
    match sort {
        None => Order::Danger,
        Some(Sort::Quiet) => Order::Quiet,
        Some(Sort::Idle) => Order::Idle,
        Some(Sort::Pid) => Order::Pid,
        Some(Sort::Remote) => Order::Remote,
    }
}

fn judged<'a>(
    sockets: &'a [crate::model::Socket],
    policy: &'a Policy,
    selection: &Selection,
) -> Vec<Judged<'a>> {
    sockets
        .iter()
        .filter(|socket| selection.matches_socket(socket))
        .map(|socket| Judged {
            socket,
            judgement: policy.judge(socket, false),
        })
        .filter(|judged| selection.matches_judgement(&judged.judgement))
        .collect()
}

fn print(args: &ListArgs, meta: &Meta<'_>, sockets: &[Judged<'_>]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let color = use_color(args.color, stdout.is_terminal());
    let table_style = |wide| Style { wide, color };
    match args.output {
        Output::Table => table::write(&mut stdout, sockets, table_style(false)),
        Output::Wide => table::write(&mut stdout, sockets, table_style(true)),
        Output::Json => json::document(&mut stdout, meta, sockets),
        Output::Jsonl => json::lines(&mut stdout, sockets),
    }
}

fn fails(what: FailOn, judgement: &Judgement<'_>) -> bool {
    match what {
        FailOn::Unprotected => judgement.verdict == Some(Verdict::Unprotected),
        FailOn::Late => judgement.verdict == Some(Verdict::Late),
        FailOn::AtRisk => matches!(judgement.health, Some(Health::AtRisk | Health::Stale)),
        FailOn::Stale => judgement.health == Some(Health::Stale),
    }
}

/// What only hooks could have seen.
pub(super) fn with_lost_to_hooks(mut unknown: Vec<Unknown>, hooks: &str) -> Vec<Unknown> {
    if hooks == "none" {
        unknown.extend(
            ["last_set", "age_ms", "keepalive.sent"].map(|field| Unknown {
                field,
                why: "no hooks ran before this scan that would have seen it".to_owned(),
            }),
        );
    }
    unknown
}

/// Opening and scanning may both have met the same trouble.
pub(super) fn say_once(at_opening: &[String], at_scanning: &[String]) {
    let mut said: Vec<&str> = Vec::new();
    for notice in at_opening.iter().chain(at_scanning) {
        if !said.contains(&notice.as_str()) {
            say(notice);
            said.push(notice);
        }
    }
}

fn timed<T>(
    phases: &mut Vec<crate::scan::Phase>,
    name: &'static str,
    work: impl FnOnce() -> T,
) -> T {
    let began = Instant::now();
    let result = work();
    phases.push(crate::scan::Phase {
        name,
        took: began.elapsed(),
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::socket;

    #[test]
    fn at_risk_covers_stale() {
        let socket = socket();
        let policy = Policy::default();
        let judgement = |health| Judgement {
            health: Some(health),
            ..policy.judge(&socket, false)
        };
        assert!(fails(FailOn::AtRisk, &judgement(Health::Stale)));
        assert!(fails(FailOn::AtRisk, &judgement(Health::AtRisk)));
        assert!(!fails(FailOn::Stale, &judgement(Health::AtRisk)));
        assert!(!fails(FailOn::Late, &judgement(Health::Ok)));
        assert!(fails(FailOn::Unprotected, &judgement(Health::Ok)));
    }

    #[test]
    fn fields_that_hooks_would_give_are_named() {
        let fields = |hooks| -> Vec<_> {
            let unknown = with_lost_to_hooks(Vec::new(), hooks);
            unknown.iter().map(|unknown| unknown.field).collect()
        };
        assert_eq!(fields("none"), ["last_set", "age_ms", "keepalive.sent"]);
        assert_eq!(fields("trampoline"), [] as [&str; 0]);
    }
}
