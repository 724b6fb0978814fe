//! `observer watch`: live, full screen on a terminal, else one line a change of health.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::args::{Hooks, WatchArgs, parse_selection};
use super::exit::Exit;
use super::shared::{is_dumb, open_source, policy, reader_is_gone, scan_choice, use_color};
use super::{emit, log};
use crate::explain::report::{self as report, Paint};
use crate::model::EventKind;
use crate::model::StateSet;
use crate::model::scan::ScanRequest;
use crate::model::{Socket, State};
use crate::policy::{JudgedRef, Policy, Segments};
use crate::render::{Clock, Tone};
use crate::source::{HookedEvents, ScanChoice, Source};
use crate::watch::plain::HealthChanges;
use crate::watch::{ScreenStyle, Snapshot, TextLine, Watch};

pub(super) fn run(args: &WatchArgs) -> anyhow::Result<Exit> {
    log::start(args.common.verbose);
    // For as long as the process runs: judgements of every scan refer to it.
    let policy: &'static Policy = Box::leak(Box::new(policy(&args.common)?));
    if io::stdout().is_terminal() && !is_dumb() {
        full_screen(args, policy)
    } else {
        lines(args, policy)
    }
}

fn full_screen(args: &WatchArgs, policy: &'static Policy) -> anyhow::Result<Exit> {
    let scan = scan_choice(args.common.scan);
    let (events, mut notices) = match args.common.hooks() {
        Hooks::None => (None, Vec::new()),
        _ => match HookedEvents::open(scan, args.common.hooks_choice(), &EventKind::ALL) {
            Ok(events) => {
                let notices = events.notices().to_vec();
                (Some(events), notices)
            }
            Err(error) => (None, vec![format!("no events: {error}")]),
        },
    };
    let source = open_source(&args.common)?;
    notices.extend(source.notices().iter().cloned());
    let watch = Watch {
        source,
        events,
        policy,
        selection: args.select.selection(),
        interval: interval(args),
        lasts: args.lasts.map(|lasts| Duration::from_millis(lasts.ms)),
        style: ScreenStyle {
            color: use_color(args.color, true),
            unicode: is_utf8(),
        },
        read_flags: parse_selection,
        explain,
        notice: notices.first().cloned(),
    };
    let outcome = watch.run();
    // On the screen there was room for one, and none for long.
    for notice in &notices {
        emit(notice);
    }
    outcome.map(|()| Exit::Done)
}

/// Explanation as `observer explain` gives it.
fn explain(judged: &JudgedRef<'_>, width: usize) -> Vec<TextLine> {
    let mut facts = crate::explain::gather(judged.socket);
    facts.accepted = listeners()
        .ok()
        .map(|listeners| crate::explain::is_accepted(judged.socket, &listeners));
    let explanation = crate::explain::explain(judged.socket, &judged.judgement, &facts);
    let page = report::page(judged, 1, &explanation, width);
    page.into_iter()
        .map(|line| TextLine {
            tone: match line.paint {
                Paint::Plain | Paint::Title | Paint::Good | Paint::Code => Tone::Plain,
                Paint::Dim => Tone::Dim,
                Paint::Warning => Tone::Warn,
                Paint::Danger => Tone::Bad,
            },
            text: line.text,
        })
        .collect()
}

/// The scans of the screen leave listeners out.
fn listeners() -> anyhow::Result<Vec<Socket>> {
    let request = ScanRequest {
        states: StateSet(State::Listen.bit()),
    };
    Ok(Source::open(ScanChoice::Auto)?.scan(&request)?.sockets)
}

/// At least a tenth of a second: the host has other things to do.
fn interval(args: &WatchArgs) -> Duration {
    Duration::from_millis(args.interval.ms).max(Duration::from_millis(100))
}

/// Character set of the locale, as the C library reads it.
fn is_utf8() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"))
        .unwrap_or_default()
        .to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

fn lines(args: &WatchArgs, policy: &'static Policy) -> anyhow::Result<Exit> {
    let asked_to_end = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&asked_to_end))?;
    }
    let mut source = Source::open(scan_choice(args.common.scan))?;
    for notice in source.notices() {
        emit(notice);
    }
    let selection = args.select.selection();
    let states = selection.scan_states();
    let ends_at = args
        .lasts
        .map(|lasts| Instant::now() + Duration::from_millis(lasts.ms));
    let is_over = || {
        asked_to_end.load(Ordering::Relaxed)
            || ends_at.is_some_and(|at| Instant::now() >= at)
            || reader_is_gone(&io::stdout())
    };
    let (mut segments, mut changes) = (Segments::default(), HealthChanges::default());
    let mut stdout = io::stdout().lock();
    let mut is_first = true;
    while !is_over() {
        let began = Instant::now();
        let (snapshot, notices) =
            Snapshot::take(&mut source, states, &mut segments, policy, "none")?;
        if std::mem::take(&mut is_first) {
            for notice in &notices {
                emit(notice);
            }
        }
        changes
            .print(&snapshot, &selection, Clock::now(), &mut stdout)
            .context("cannot write to stdout")?;
        let next = began + interval(args);
        while !is_over() && Instant::now() < next {
            let left = next.saturating_duration_since(Instant::now());
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
    Ok(Exit::Done)
}
