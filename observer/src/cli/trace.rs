//! `observer trace`: events as hooks see them, selected, printed, counted.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::args::{TraceArgs, TraceOutput};
use super::counts::EventCounts;
use super::exit::Exit;
use super::shared::{policy, reader_is_gone, scan_choice, use_color};
use super::{emit, log};
use crate::model::EventKind;
use crate::model::event::Message;
use crate::policy::{Policy, Selection};
use crate::render::Clock;
use crate::report::trace::{Format, Writer};
use crate::source::HookedEvents;
use crate::source::event_queue::EventQueue;

pub(super) fn run(args: &TraceArgs) -> anyhow::Result<Exit> {
    log::start(args.common.verbose);
    let policy = policy(&args.common)?;
    let selection = args.select.selection();
    let asked_to_end = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&asked_to_end))?;
    }

    let mut events = open(args)?;
    let stdout = io::stdout();
    let reader_is_gone = || reader_is_gone(&stdout);
    let mut stdout = stdout.lock();
    let format = match args.output {
        TraceOutput::Text => Format::Text {
            color: use_color(args.color, stdout.is_terminal()),
        },
        TraceOutput::Jsonl => Format::Jsonl,
    };
    let mut trace = Trace {
        policy: &policy,
        selection: &selection,
        writer: Writer::new(&mut stdout, format),
        counts: EventCounts::default(),
    };
    let began_ns = Clock::now().monotonic_ns;
    let end = End {
        at_ns: args.lasts.map(|lasts| {
            let lasts_ns = lasts.ms.saturating_mul(NS_PER_MS);
            began_ns.saturating_add(lasts_ns)
        }),
        asked: &asked_to_end,
        reader_is_gone: &reader_is_gone,
    };
    let mut last = None;
    let outcome = trace.run(&mut *events, &end, &mut || read_clocks_after(&mut last));
    let took_ns = Clock::now().monotonic_ns.saturating_sub(began_ns);
    trace.counts.tracked_rejected = events.tracked_rejected().unwrap_or(0);
    emit(trace.counts.summary(Duration::from_nanos(took_ns)));
    outcome.map(|()| Exit::Done)
}

/// Attaches the hooks, and says so: what happens from then on is seen.
fn open(args: &TraceArgs) -> anyhow::Result<Box<dyn EventQueue>> {
    let kinds = match args.kind.as_slice() {
        [] => &EventKind::ALL[..],
        kinds => kinds,
    };
    let (scan, hooks) = (scan_choice(args.common.scan), args.common.hooks_choice());
    let events = HookedEvents::open(scan, hooks, kinds)?;
    for notice in events.notices() {
        emit(notice);
    }
    emit(format_args!("tracing by {}", events.hooks_name()));
    Ok(Box::new(events))
}

/// A signal that comes just before a wait is seen so much later.
const TICK: Duration = Duration::from_millis(200);
const NS_PER_MS: u64 = 1_000_000;

/// Reads the clocks again, and keeps to the last relation between them unless it has changed: the
/// times of two batches then do not overlap by what a reading is off.
fn read_clocks_after(last: &mut Option<Clock>) -> Clock {
    /// More than a reading is off, less than anybody sets a clock by.
    const NEGLIGIBLE_NS: u128 = 5_000_000;
    let now = Clock::now();
    let kept = last.map(|last| Clock {
        realtime_ns: last.realtime_ns + i128::from(now.monotonic_ns)
            - i128::from(last.monotonic_ns),
        ..now
    });
    let clock = match kept {
        Some(kept) if kept.realtime_ns.abs_diff(now.realtime_ns) < NEGLIGIBLE_NS => kept,
        _ => now,
    };
    *last = Some(clock);
    clock
}

/// When to stop.
struct End<'a> {
    /// A time of `CLOCK_MONOTONIC`, in nanoseconds.
    at_ns: Option<u64>,
    /// A signal came.
    asked: &'a AtomicBool,
    /// Nobody is left to write to.
    reader_is_gone: &'a dyn Fn() -> bool,
}

impl End<'_> {
    fn left(&self, now_ns: u64) -> Duration {
        if self.asked.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        self.at_ns.map_or(TICK, |at_ns| {
            Duration::from_nanos(at_ns.saturating_sub(now_ns)).min(TICK)
        })
    }
}

struct Trace<'a> {
    policy: &'a Policy,
    selection: &'a Selection,
    writer: Writer<'a>,
    counts: EventCounts,
}

impl Trace<'_> {
    fn run(
        &mut self,
        events: &mut dyn EventQueue,
        end: &End<'_>,
        read_clocks: &mut dyn FnMut() -> Clock,
    ) -> anyhow::Result<()> {
        // The header says that events are now seen.
        self.flush()?;
        while !(end.reader_is_gone)() {
            let left = end.left(read_clocks().monotonic_ns);
            if left.is_zero() {
                events.stop()?;
            }
            let mut written = Ok(());
            let mut batch: Option<Clock> = None;
            let waited = events.wait(left, &mut |message| {
                let clock = *batch.get_or_insert_with(&mut *read_clocks);
                if written.is_ok() {
                    written = self.show(message, clock);
                }
            });
            written.context(NO_STDOUT)?;
            if batch.is_some() {
                self.flush()?;
            }
            waited?;
            // The last round was not for waiting, but for what had happened by then.
            if left.is_zero() {
                break;
            }
        }
        Ok(())
    }

    fn show(&mut self, message: Message, clock: Clock) -> io::Result<()> {
        let event = match message {
            Message::Event(event) => event,
            Message::Lost(0) => return Ok(()),
            Message::Lost(count) => {
                self.counts.lost += count;
                return self.writer.lost(count, clock);
            }
        };
        if !self.selection.matches_event(&event) {
            self.counts.not_selected += 1;
            return Ok(());
        }
        let judgement = self.policy.judge(&event.socket);
        if !self.selection.matches_judgement(&judgement) {
            self.counts.not_selected += 1;
            return Ok(());
        }
        self.counts.add(event.detail.kind());
        self.writer.event(&event, judgement.verdict, clock)
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.writer.flush().context(NO_STDOUT)
    }
}

const NO_STDOUT: &str = "cannot write to stdout";

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
