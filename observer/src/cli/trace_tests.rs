use std::cell::Cell;
use std::collections::VecDeque;

use super::*;
use crate::model::testing::socket;
use crate::model::{Cause, Event, EventDetail, EventKind, KeepaliveOption, SetOption, Side, Via};

const BEGAN_NS: u64 = 1_000_000_000;
/// 2026-11-21T08:00:00Z
const BEGAN_WALL_NS: i128 = 1_795_248_000_000_000_000;

/// A queue that hands over one batch a wait and, where there is none, lets the time pass.
struct Queue<'a> {
    batches: VecDeque<Vec<Message>>,
    now_ns: &'a Cell<u64>,
    waits: Vec<Duration>,
    /// Called at the start of each wait.
    meanwhile: Box<dyn FnMut(usize) + 'a>,
    fails: bool,
}

impl EventQueue for Queue<'_> {
    fn wait(&mut self, timeout: Duration, each: &mut dyn FnMut(Message)) -> anyhow::Result<()> {
        (self.meanwhile)(self.waits.len());
        self.waits.push(timeout);
        match self.batches.pop_front() {
            Some(batch) => batch.into_iter().for_each(each),
            None if self.fails => anyhow::bail!("the queue is gone"),
            None => {
                let timeout_ns = u64::try_from(timeout.as_nanos()).unwrap();
                self.now_ns.set(self.now_ns.get() + timeout_ns);
            }
        }
        Ok(())
    }
}

fn event(detail: EventDetail) -> Message {
    Message::Event(Event {
        at_ns: BEGAN_NS,
        socket: socket(),
        actor: None,
        owner: None,
        age_ms: None,
        detail,
    })
}

fn set() -> EventDetail {
    EventDetail::Set(SetOption {
        option: KeepaliveOption::Idle,
        asked: Some(60),
        value: Some(60),
        errno: 0,
        via: Some(Via::Syscall),
    })
}

struct Ran {
    outcome: anyhow::Result<()>,
    counts: EventCounts,
    waits: Vec<Duration>,
    took: Duration,
}

struct Scene<'a> {
    batches: Vec<Vec<Message>>,
    lasts: Option<Duration>,
    selection: Selection,
    fails: bool,
    asked: &'a AtomicBool,
    meanwhile: Box<dyn FnMut(usize) + 'a>,
    /// Lead of the wall clock, at each reading.
    steps_ns: i128,
    reader_is_gone: Box<dyn Fn() -> bool>,
}

impl<'a> Scene<'a> {
    fn new(asked: &'a AtomicBool) -> Self {
        Self {
            batches: Vec::new(),
            lasts: None,
            selection: Selection::default(),
            fails: false,
            asked,
            meanwhile: Box::new(|_| {}),
            steps_ns: 0,
            reader_is_gone: Box::new(|| false),
        }
    }

    fn run(self, to: &mut dyn io::Write) -> Ran {
        let now_ns = Cell::new(BEGAN_NS);
        let mut queue = Queue {
            batches: self.batches.into(),
            now_ns: &now_ns,
            waits: Vec::new(),
            meanwhile: self.meanwhile,
            fails: self.fails,
        };
        let policy = Policy::default();
        let mut trace = Trace {
            policy: &policy,
            selection: &self.selection,
            writer: Writer::new(to, Format::Text { color: false }),
            counts: EventCounts::default(),
        };
        let lasts_ns = |lasts: Duration| u64::try_from(lasts.as_nanos()).unwrap();
        let end = End {
            at_ns: self.lasts.map(|lasts| BEGAN_NS + lasts_ns(lasts)),
            asked: self.asked,
            reader_is_gone: &self.reader_is_gone,
        };
        let mut ahead_ns = 0;
        let mut read_clocks = || {
            ahead_ns += self.steps_ns;
            let since_ns = now_ns.get() - BEGAN_NS;
            Clock {
                realtime_ns: BEGAN_WALL_NS + i128::from(since_ns) + ahead_ns,
                monotonic_ns: now_ns.get(),
            }
        };
        let outcome = trace.run(&mut queue, &end, &mut read_clocks);
        Ran {
            outcome,
            counts: trace.counts,
            waits: queue.waits,
            took: Duration::from_nanos(now_ns.get() - BEGAN_NS),
        }
    }
}

/// Bytes that were written, and the end of each flush.
#[derive(Default)]
struct Pipe {
    bytes: Vec<u8>,
    flushed_at: Vec<usize>,
    is_closed: bool,
}

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed_at.push(self.bytes.len());
        Ok(())
    }
}

impl Pipe {
    fn lines(&self) -> Vec<&str> {
        std::str::from_utf8(&self.bytes).unwrap().lines().collect()
    }
}

#[test]
fn it_ends_when_the_time_is_over() {
    let asked = AtomicBool::new(false);
    let mut pipe = Pipe::default();
    let ran = Scene {
        lasts: Some(Duration::from_millis(500)),
        ..Scene::new(&asked)
    }
    .run(&mut pipe);
    ran.outcome.unwrap();
    assert_eq!(ran.took, Duration::from_millis(500));
    let ms = Duration::from_millis;
    assert_eq!(ran.waits, [TICK, TICK, ms(100), ms(0)]);
    assert_eq!(pipe.lines().len(), 1, "the header");
    assert_eq!(
        pipe.flushed_at,
        [pipe.bytes.len()],
        "at once, and not again for nothing"
    );
}

#[test]
fn a_signal_ends_it_after_what_is_queued() {
    let asked = AtomicBool::new(false);
    let mut pipe = Pipe::default();
    let ran = Scene {
        batches: vec![vec![], vec![], vec![event(set())], vec![event(set())]],
        // The signal comes in the second wait: the third only empties the queue.
        meanwhile: Box::new(|waited| asked.store(waited >= 1, Ordering::Relaxed)),
        ..Scene::new(&asked)
    }
    .run(&mut pipe);
    ran.outcome.unwrap();
    assert_eq!(ran.waits, [TICK, TICK, Duration::ZERO]);
    assert_eq!(ran.counts.of(EventKind::Set), 1);
}

#[test]
fn events_are_counted_and_losses_summed() {
    let asked = AtomicBool::new(false);
    let mut pipe = Pipe::default();
    let ran = Scene {
        batches: vec![
            vec![
                event(set()),
                Message::Lost(5),
                event(EventDetail::Opened(Side::Connect)),
            ],
            vec![
                event(EventDetail::Probe { unanswered: 1 }),
                Message::Lost(0),
            ],
            vec![
                event(EventDetail::Closed(Cause::Reset)),
                event(EventDetail::Closed(Cause::Closed)),
                Message::Lost(7),
            ],
        ],
        lasts: Some(Duration::from_secs(1)),
        ..Scene::new(&asked)
    }
    .run(&mut pipe);
    ran.outcome.unwrap();
    for (kind, count) in [
        (EventKind::Set, 1),
        (EventKind::Opened, 1),
        (EventKind::Probe, 1),
        (EventKind::Closed, 2),
    ] {
        assert_eq!(ran.counts.of(kind), count, "{kind:?}");
    }
    let others = (ran.counts.not_selected, ran.counts.lost);
    assert_eq!(others, (0, 12));
    let kinds: Vec<_> = pipe
        .lines()
        .iter()
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect();
    let expected = [
        "KIND", "set", "lost", "opened", "probe", "closed", "closed", "lost",
    ];
    assert_eq!(kinds, expected, "where they happened");
    assert!(pipe.lines()[2].ends_with("5 events did not fit"));
}

#[test]
fn a_reader_has_each_batch_at_once() {
    let asked = AtomicBool::new(false);
    let mut pipe = Pipe::default();
    let ran = Scene {
        batches: vec![vec![event(set()), event(set())], vec![event(set())]],
        lasts: Some(Duration::from_millis(1)),
        ..Scene::new(&asked)
    }
    .run(&mut pipe);
    ran.outcome.unwrap();
    let lines_at: Vec<_> = pipe
        .flushed_at
        .iter()
        .map(|at| pipe.bytes[..*at].iter().filter(|b| **b == b'\n').count())
        .collect();
    assert_eq!(lines_at, [1, 3, 4], "header, first batch, second batch");
}

#[test]
fn what_is_not_selected_is_only_counted() {
    let asked = AtomicBool::new(false);
    let mut pipe = Pipe::default();
    let mut of_other_port = socket();
    of_other_port.remote.set_port(80);
    let mut protected = socket();
    protected.keepalive.enabled = Some(true);
    protected.keepalive.idle.value = Some(60);
    let with = |socket| match event(set()) {
        Message::Event(event) => Message::Event(Event { socket, ..event }),
        lost @ Message::Lost(_) => lost,
    };
    let ran = Scene {
        batches: vec![vec![
            with(of_other_port),
            with(protected),
            with(socket()),
            Message::Lost(3),
        ]],
        selection: Selection {
            ports: vec![443],
            verdicts: vec![crate::policy::Verdict::Unprotected],
            ..Selection::default()
        },
        lasts: Some(Duration::from_millis(1)),
        ..Scene::new(&asked)
    }
    .run(&mut pipe);
    ran.outcome.unwrap();
    let counted = (ran.counts.of(EventKind::Set), ran.counts.not_selected);
    assert_eq!(counted, (1, 2));
    assert_eq!(ran.counts.lost, 3);
    assert_eq!(pipe.lines().len(), 3, "header, one event, the loss");
}

#[test]
fn a_closed_pipe_ends_it() {
    let asked = AtomicBool::new(false);
    let mut pipe = Pipe {
        is_closed: true,
        ..Pipe::default()
    };
    let ran = Scene::new(&asked).run(&mut pipe);
    assert!(super::super::is_closed_pipe(&ran.outcome.unwrap_err()));
    assert_eq!(ran.waits, []);
}

#[test]
fn it_ends_without_an_event_to_write_when_the_reader_goes() {
    let asked = AtomicBool::new(false);
    let asked_for = Cell::new(0);
    let mut pipe = Pipe::default();
    let ran = Scene {
        reader_is_gone: Box::new(move || asked_for.replace(asked_for.get() + 1) == 2),
        ..Scene::new(&asked)
    }
    .run(&mut pipe);
    ran.outcome.unwrap();
    assert_eq!(ran.waits, [TICK, TICK]);
}

#[test]
fn a_pipe_without_a_reader_is_told_from_others() {
    let (reader, writer) = io::pipe().unwrap();
    assert!(!reader_is_gone(&writer));
    drop(reader);
    assert!(reader_is_gone(&writer));
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(!reader_is_gone(&file));
}

#[test]
fn what_was_seen_before_a_failure_is_shown() {
    let asked = AtomicBool::new(false);
    let mut pipe = Pipe::default();
    let ran = Scene {
        batches: vec![vec![event(set())]],
        fails: true,
        ..Scene::new(&asked)
    }
    .run(&mut pipe);
    assert_eq!(ran.outcome.unwrap_err().to_string(), "the queue is gone");
    assert_eq!(pipe.flushed_at.last(), Some(&pipe.bytes.len()));
    assert_eq!(pipe.lines().len(), 2);
}

/// The clocks are read before each wait and once for each batch.
#[test]
fn the_wall_clock_may_step() {
    let asked = AtomicBool::new(false);
    let mut pipe = Pipe::default();
    let ran = Scene {
        batches: vec![vec![event(set()), event(set())], vec![event(set())]],
        lasts: Some(Duration::from_millis(1)),
        steps_ns: 1_000_000_000,
        ..Scene::new(&asked)
    }
    .run(&mut pipe);
    ran.outcome.unwrap();
    let times: Vec<_> = pipe
        .lines()
        .iter()
        .skip(1)
        .map(|line| &line[..12])
        .collect();
    assert_eq!(times, ["08:00:02.000", "08:00:02.000", "08:00:04.000"]);
}
