//! Functions that the commands that scan have in common.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::args::{Color, CommonArgs, Hooks, Scan};
use super::emit;
use crate::config::Config;
use crate::model::Socket;
use crate::policy::{Judged, JudgedRef, PathPolicy, Policy, Selection};
use crate::source::{ScanChoice, Source, SourceError};

/// The configuration's policy, with what the flags override.
pub(super) fn policy(args: &CommonArgs) -> anyhow::Result<Policy> {
    let config = Config::load(args.config.as_deref())?;
    let path = match &args.path {
        Some(limit) => PathPolicy::overridden(limit.clone()),
        None => config.path_policy(),
    };
    Ok(Policy {
        path,
        at_risk: config.scan.at_risk,
    })
}

pub(super) fn use_color(color: Color, is_terminal: bool) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => is_terminal && !is_set("NO_COLOR") && !is_dumb(),
    }
}

/// Test for a terminal that takes no escape sequences.
pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

pub(super) fn scan_choice(scan: Scan) -> ScanChoice {
    match scan {
        Scan::Auto => ScanChoice::Auto,
        Scan::Bpf => ScanChoice::Bpf,
        Scan::Diag => ScanChoice::Diag,
    }
}

/// Makes ready to scan, with what a running observer remembers unless hooks are not wanted.
pub(super) fn open_source(args: &CommonArgs) -> Result<Source, SourceError> {
    let mut source = Source::open(scan_choice(args.scan))?;
    if args.hooks() != Hooks::None {
        source.ask_running_observers();
    }
    Ok(source)
}

/// The selected sockets with the judgement of each, in their order.
pub(super) fn judged<'a>(
    sockets: impl IntoIterator<Item = &'a Socket>,
    policy: &Policy,
    selection: &Selection,
) -> Vec<JudgedRef<'a>> {
    sockets
        .into_iter()
        .filter(|socket| selection.matches_socket(socket))
        .map(|socket| Judged::by(policy, socket))
        .filter(|judged| selection.matches_judgement(&judged.judgement))
        .collect()
}

/// Opening and scanning may both have met the same trouble.
pub(super) fn say_once(at_opening: &[String], at_scanning: &[String]) {
    let mut shown: Vec<&str> = Vec::new();
    for notice in at_opening.iter().chain(at_scanning) {
        if !shown.contains(&notice.as_str()) {
            emit(notice);
            shown.push(notice);
        }
    }
}

/// Test for a pipe whose other end was closed. Writing would tell too, but there may be nothing to
/// write for long.
pub(super) fn reader_is_gone(stdout: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(stdout, PollFlags::empty())];
    poll(&mut polled, Some(&Timespec::default())).is_ok()
        && polled[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::HUP)
}
