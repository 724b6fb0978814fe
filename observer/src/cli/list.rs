//! `observer list`: one scan, judged, selected, sorted, printed.

use std::io::{self, IsTerminal as _};
use std::time::Instant;

use anyhow::Context as _;

use super::args::{FailOn, ListArgs, Output, Sort};
use super::emit;
use super::empty_list::explanation;
use super::exit::Exit;
use super::log;
use super::shared::{judged, open_source, policy, say_once, use_color};
use crate::model::State;
use crate::model::StateSet;
use crate::model::scan::{ScanRequest, with_lost_to_hooks};
use crate::policy::select::Selection;
use crate::policy::{Health, JudgedRef, Judgement, Verdict};
use crate::render::json::{self, Meta};
use crate::render::order::{self, SortOrder};
use crate::render::parallel::threads;
use crate::report::table::{self, Style};
use crate::source::Source;
use crate::text::quantity::counted;

pub(super) fn run(args: &ListArgs) -> anyhow::Result<Exit> {
    log::start(args.common.verbose);
    let policy = policy(&args.common)?;
    let selection = args.select.selection();
    let request = ScanRequest {
        states: selection.scan_states(),
    };

    let mut source = open_source(&args.common)?;
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

    if sockets.is_empty() && matches!(args.output, Output::Table | Output::Wide) {
        let others = states_with_all(&mut source, &selection);
        let explained = explanation(meta.sockets_seen, others.as_deref());
        emit(&explained);
    }

    let matched = sockets.iter().any(|judged| {
        args.fail_on
            .iter()
            .any(|what| fails(*what, &judged.judgement))
    });
    let judgements = sockets.iter().map(|judged| &judged.judgement);
    let untold = untold(&args.fail_on, judgements);
    if let Some(untold) = &untold {
        emit(untold);
    }
    // The process ends: giving back each of a host's sockets would only take time.
    std::mem::forget(scan);
    Ok(match untold {
        _ if matched => Exit::Matched,
        Some(_) => Exit::Failed,
        None => Exit::Done,
    })
}

/// States of the sockets that `--all` would add; `None` where it would add none, whatever there is.
fn states_with_all(source: &mut Source, selection: &Selection) -> Option<Vec<State>> {
    if selection.all || !selection.states.is_empty() {
        return None;
    }
    let states = StateSet(StateSet::ALL.0 & !StateSet::CONNECTED.0);
    // What the first scan had to say has been said.
    let scan = source.scan(&ScanRequest { states }).ok()?;
    let others = scan.sockets.iter();
    let matching = others.filter(|socket| selection.matches_socket(socket));
    Some(matching.map(|socket| socket.state).collect())
}

fn order(sort: Option<Sort>) -> SortOrder {
    match sort {
        None => SortOrder::Danger,
        Some(Sort::Quiet) => SortOrder::Quiet,
        Some(Sort::Idle) => SortOrder::Idle,
        Some(Sort::Pid) => SortOrder::Pid,
        Some(Sort::Remote) => SortOrder::Remote,
    }
}

fn print(args: &ListArgs, meta: &Meta<'_>, sockets: &[JudgedRef<'_>]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let color = use_color(args.color, stdout.is_terminal());
    let threads = threads();
    let table_style = |wide| Style { wide, color };
    match args.output {
        Output::Table => table::write(&mut stdout, sockets, table_style(false), threads),
        Output::Wide => table::write(&mut stdout, sockets, table_style(true), threads),
        Output::Json => json::document(&mut stdout, meta, sockets, threads),
        Output::Jsonl => json::lines(&mut stdout, sockets, threads),
    }
}

fn fails(what: FailOn, judgement: &Judgement) -> bool {
    match what {
        FailOn::Unprotected => judgement.verdict == Some(Verdict::Unprotected),
        FailOn::Late => matches!(
            judgement.verdict,
            Some(Verdict::Late | Verdict::Unprotected)
        ),
        FailOn::AtRisk => matches!(judgement.health, Some(Health::AtRisk | Health::Stale)),
        FailOn::Stale => judgement.health == Some(Health::Stale),
        FailOn::Unknown => judgement.verdict.is_none() || judgement.health.is_none(),
    }
}

/// True where the check cannot be made for a socket, because a value that it asks for is not known.
fn cannot_tell(what: FailOn, judgement: &Judgement) -> bool {
    match what {
        FailOn::Unprotected | FailOn::Late => judgement.verdict.is_none(),
        FailOn::AtRisk | FailOn::Stale => judgement.health.is_none(),
        FailOn::Unknown => false,
    }
}

/// Warning about sockets for which the check cannot be made, so that it has not been passed.
fn untold<'a, I>(fail_on: &[FailOn], judgements: I) -> Option<String>
where
    I: Iterator<Item = &'a Judgement>,
{
    if fail_on.contains(&FailOn::Unknown) {
        return None;
    }
    let unknown = judgements
        .filter(|judgement| fail_on.iter().any(|what| cannot_tell(*what, judgement)))
        .count();
    let sockets = counted(u64::try_from(unknown).unwrap_or(u64::MAX), "socket");
    (unknown > 0).then(|| {
        format!("--fail-on cannot be told for {sockets}: values that decide are unknown here (root sees them all). --fail-on unknown exits with 3 for them")
    })
}

fn timed<T>(
    phases: &mut Vec<crate::model::scan::Phase>,
    name: &'static str,
    work: impl FnOnce() -> T,
) -> T {
    let began = Instant::now();
    let result = work();
    phases.push(crate::model::scan::Phase {
        name,
        took: began.elapsed(),
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::socket;
    use crate::policy::Policy;

    #[test]
    fn at_risk_covers_stale() {
        let socket = socket();
        let policy = Policy::default();
        let judgement = |health| Judgement {
            health: Some(health),
            ..policy.judge(&socket)
        };
        assert!(fails(FailOn::AtRisk, &judgement(Health::Stale)));
        assert!(fails(FailOn::AtRisk, &judgement(Health::AtRisk)));
        assert!(!fails(FailOn::Stale, &judgement(Health::AtRisk)));
        assert!(fails(FailOn::Unprotected, &judgement(Health::Ok)));
    }

    #[test]
    fn late_covers_unprotected() {
        let judgement = |verdict| Judgement {
            verdict,
            ..Policy::default().judge(&socket())
        };
        assert!(fails(FailOn::Late, &judgement(Some(Verdict::Unprotected))));
        assert!(fails(FailOn::Late, &judgement(Some(Verdict::Late))));
        assert!(!fails(FailOn::Late, &judgement(Some(Verdict::Protected))));
        assert!(!fails(FailOn::Unprotected, &judgement(Some(Verdict::Late))));
        assert!(!fails(FailOn::Late, &judgement(None)));
        assert!(fails(FailOn::Unknown, &judgement(None)));
        assert!(!fails(FailOn::Unknown, &judgement(Some(Verdict::Late))));
    }

    #[test]
    fn a_check_that_cannot_be_made_is_not_passed() {
        let known = Policy::default().judge(&socket());
        let unknown = Judgement {
            verdict: None,
            ..known.clone()
        };
        let warning = |fail_on: &[FailOn], judgement| untold(fail_on, [judgement].into_iter());
        let late = warning(&[FailOn::Late], &unknown);
        assert!(late.unwrap().contains("for 1 socket:"));
        assert_eq!(warning(&[FailOn::Stale], &unknown), None);
        assert_eq!(warning(&[FailOn::Late, FailOn::Unknown], &unknown), None);
        assert_eq!(warning(&[FailOn::Late], &known), None);
        assert_eq!(warning(&[], &unknown), None);
    }
}
