//! `observer explain`: one scan, the most dangerous socket that matches, what is found out about
//! it, printed.

use std::io::{self, IsTerminal as _};
use std::time::Instant;

use anyhow::Context as _;

use super::args::{ExplainArgs, TextOrJson};
use super::exit::Exit;
use super::log;
use super::shared::{judged, open_source, policy, say_once, use_color};
use crate::explain;
use crate::explain::report;
use crate::model::StateSet;
use crate::model::scan::{ScanRequest, with_lost_to_hooks};
use crate::model::{Socket, State};
use crate::policy::JudgedRef;
use crate::render::json::Meta;
use crate::render::order::{self, SortOrder};

/// Characters in a line, unless COLUMNS says otherwise.
const WIDTH: usize = 80;
const MIN_WIDTH: usize = 50;
const MAX_WIDTH: usize = 120;

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<Exit> {
    log::start(args.common.verbose);
    let policy = policy(&args.common)?;
    let selection = args.select.selection();
    let wanted = match args.cookie {
        Some(_) => StateSet::ALL,
        None => selection.scan_states(),
    };
    // A listener tells which end accepted a connection.
    let request = ScanRequest {
        states: StateSet(wanted.0 | State::Listen.bit()),
    };

    let mut source = open_source(&args.common)?;
    let taken_at = jiff::Timestamp::now();
    let began = Instant::now();
    let mut scan = source.scan(&request)?;
    let scan_took = began.elapsed();
    say_once(source.notices(), &scan.notices);

    selection.put_asked_owners_first(&mut scan.sockets);
    let is_wanted = |socket: &&Socket| {
        wanted.contains(socket.state) && args.cookie.is_none_or(|c| socket.cookie == Some(c))
    };
    let mut matching = judged(scan.sockets.iter().filter(is_wanted), &policy, &selection);
    order::sort(&mut matching, SortOrder::Danger);
    let Some(judged) = matching.first() else {
        anyhow::bail!(
            "no socket matches, of {} seen: `observer list --all` shows them{}",
            scan.sockets.len(),
            if args.cookie.is_some() {
                "; a cookie is gone with its socket"
            } else {
                ""
            }
        );
    };

    let mut facts = explain::gather(judged.socket);
    facts.accepted = Some(explain::is_accepted(judged.socket, &scan.sockets));
    let explanation = explain::explain(judged.socket, &judged.judgement, &facts);
    let unknown = with_lost_to_hooks(scan.unknown.clone(), source.hooks_name());
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
    print(args, &meta, &matching, judged, &explanation)?;
    Ok(Exit::Done)
}

fn print(
    args: &ExplainArgs,
    meta: &Meta<'_>,
    matching: &[JudgedRef<'_>],
    judged: &JudgedRef<'_>,
    explanation: &explain::Explanation,
) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = match args.output {
        TextOrJson::Json => {
            report::json::document(&mut stdout, meta, matching.len(), judged, explanation)
        }
        TextOrJson::Text => {
            let page = report::page(judged, matching.len(), explanation, width());
            let color = use_color(args.color, stdout.is_terminal());
            report::write(&mut stdout, &page, color)
        }
    };
    written.context("cannot write to stdout")
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok();
    let columns = columns.and_then(|columns| columns.parse().ok());
    columns.unwrap_or(WIDTH).clamp(MIN_WIDTH, MAX_WIDTH)
}
