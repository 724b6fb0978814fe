//! Bounds on made-up runs: one that is good, and others that are wrong in one thing.

use super::*;

/// Connections a second of a native run.
const RATE: f64 = 400.0;

/// Measurements of a run without fault.
fn value(what: Quantity, at_s: f64) -> f64 {
    // Every seventh sample meets a scan of every socket; others differ by buffers.
    let noise = (at_s * 0.7).sin() * 300.0;
    let scan = if at_s % 7.0 == 0.0 { 12_000.0 } else { 0.0 };
    match what {
        Quantity::Rss => 31_000.0 + noise + scan,
        Quantity::Anonymous => 15_000.0 + noise + scan,
        Quantity::Descriptors => 62.0,
        Quantity::Threads => 5.0,
        Quantity::Sockets => 4_080.0,
        Quantity::Notes => 2_000.0,
        Quantity::Series => 409.0,
        Quantity::WorkloadSeries => 255.0,
        Quantity::Sweep => 20.0,
        Quantity::Firing => 20.0,
        Quantity::Cpu => at_s / 10.0,
        Quantity::NotesRejected
        | Quantity::EventsLost
        | Quantity::ScanFailures
        | Quantity::GroupsDropped
        | Quantity::Dropped
        | Quantity::LogLinesLost => 0.0,
    }
}

fn run(lasts_s: u32, more: impl Fn(Quantity, f64) -> f64) -> Measured {
    let sample = |at_s: f64| Sample::made(at_s, |what| value(what, at_s) + more(what, at_s));
    Measured {
        is_guest: false,
        samples: (lasts_s / 4..lasts_s)
            .map(|at_s| sample(at_s.into()))
            .collect(),
        before: sample(0.0),
        after: sample(lasts_s.into()),
        kept_fds: [61, 61],
        in_kernel: [44, 44, 0],
        notes_in_kernel: Some(2_000),
        has_hooks: true,
        longest_gap_s: 2.0,
        faults: Vec::new(),
        came_to_nothing: Vec::new(),
        complaints: Vec::new(),
        repeated: Vec::new(),
        broken: [54, 54],
        alerted_s: [[0.9, 1.8], [1.1, 2.0]],
        is_clean: true,
        stop_s: 0.4,
    }
}

fn good() -> Measured {
    run(600, |_, _| 0.0)
}

/// The names of the bounds that do not hold.
fn broken(measured: &Measured) -> Vec<&'static str> {
    let bounds = check(measured);
    let broken = bounds.iter().filter(|bound| !bound.holds);
    broken.map(|bound| bound.name).collect()
}

const DRIFT: &str = "drift of anonymous memory";

#[test]
fn noise_is_within_bounds() {
    assert_eq!(broken(&good()), [""; 0]);
    assert_eq!(broken(&run(30, |_, _| 0.0)), [""; 0]);
}

#[test]
fn a_leak_of_bytes_for_each_connection_is_out_of_bounds() {
    let leak = |bytes: f64| {
        move |what, at_s: f64| match what {
            Quantity::Anonymous => bytes * RATE * at_s / 1024.0,
            _ => 0.0,
        }
    };
    assert_eq!(broken(&run(600, leak(1024.0))), [DRIFT]);
    // 16 bytes are seen in ten minutes, a KiB in half of one.
    assert_eq!(broken(&run(600, leak(16.0))), [DRIFT]);
    assert_eq!(broken(&run(30, leak(1024.0))), [DRIFT]);
}

/// A buffer that is filled for the first time, late.
#[test]
fn one_small_step_is_no_leak() {
    let step = |kib: f64| {
        move |what, at_s| match what {
            Quantity::Anonymous if at_s > 500.0 => kib,
            _ => 0.0,
        }
    };
    assert_eq!(broken(&run(600, step(800.0))), [""; 0]);
}

#[test]
fn what_stays_behind_is_out_of_bounds() {
    let mut measured = good();
    measured.kept_fds = [61, 62];
    measured.in_kernel = [44, 45, 1];
    measured.notes_in_kernel = Some(2_100);
    let expected = [
        "descriptors after it",
        "objects in the kernel after it",
        "notes after it, in the kernel",
        "objects left in the kernel",
    ];
    assert_eq!(broken(&measured), expected);
    // What other programs opened meanwhile is remembered, too.
    let more = |what, at_s: f64| match what {
        Quantity::Sockets | Quantity::Notes if at_s >= 600.0 => 16_000.0,
        _ => 0.0,
    };
    let mut measured = run(600, more);
    measured.notes_in_kernel = Some(18_000);
    assert_eq!(broken(&measured), [""; 0]);
}

#[test]
fn what_is_counted_in_the_end_is_out_of_bounds() {
    let counted = [
        (Quantity::EventsLost, "events lost"),
        (Quantity::NotesRejected, "notes rejected"),
        (Quantity::ScanFailures, "failed sweeps"),
        (Quantity::Dropped, "alerts dropped"),
        (Quantity::GroupsDropped, "groups dropped"),
        (Quantity::LogLinesLost, "log lines lost"),
        (Quantity::Threads, "threads after it"),
        (Quantity::Series, "other series after it"),
    ];
    for (which, name) in counted {
        let more = |what, at_s: f64| f64::from(u8::from(what == which && at_s >= 600.0));
        assert_eq!(broken(&run(600, more)), [name]);
    }
}

#[test]
fn what_was_not_heard_or_not_measured_is_out_of_bounds() {
    let mut measured = good();
    measured.alerted_s = [[f64::NAN, 1.8], [1.1, 2.0]];
    assert_eq!(broken(&measured), ["the last danger is reported"]);
    let mut measured = good();
    measured.longest_gap_s = f64::NAN;
    measured.notes_in_kernel = None;
    let expected = [
        "notes after it, in the kernel",
        "longest time between sweeps",
    ];
    assert_eq!(broken(&measured), expected);
    let mut measured = good();
    measured.samples.clear();
    assert!(broken(&measured).contains(&DRIFT));
    let mut measured = good();
    measured.complaints = vec!["thread 'looks' panicked".to_owned()];
    measured.repeated = vec!["3 sockets are lost".to_owned()];
    measured.broken = [54, 53];
    let expected = [
        "complaints that nothing provoked",
        "warnings given again",
        "broken configurations that were refused",
    ];
    assert_eq!(broken(&measured), expected);
}
