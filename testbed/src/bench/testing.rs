//! Small results for tests to start from.

use super::{
    floors::{Floor, Floors, Measured, Runs, WalkKind},
    host::Host,
    list::{BASELINE, DIAG, JSON, JSONL, List, Point, TABLE, Timings},
    phases::Phases,
    results::{Place, Results, Taken},
    run::Run,
    watch::Watch,
};

pub(super) fn host(kernel: &str) -> Host {
    Host {
        kernel: kernel.to_owned(),
        cpu: "A fast one".to_owned(),
        cpus: 2,
        memory_mib: 24_000,
        guest: false,
        ss: "iproute2-6.1.0".to_owned(),
        observer: "observer 0.1.0".to_owned(),
    }
}

fn taken<T>(result: T) -> Taken<T> {
    Taken {
        host: host("6.18.44"),
        load_before: 0.25,
        quick: false,
        result,
    }
}

fn timings(command: &str, took_ms: f64) -> Timings {
    let run = Run {
        took_ms,
        user_ms: took_ms / 2.0,
        system_ms: took_ms / 4.0,
        peak_rss_kib: 20 * 1024,
        lines: 100,
        others_ms: 0.0,
    };
    Timings {
        command: command.to_owned(),
        runs: vec![run; 2],
    }
}

/// ss takes as long as its square demands, the others grow with the sockets.
fn point(sockets: usize) -> Point {
    let share = sockets as f64 / 90_000.0;
    let mut phases = Phases::new(TABLE);
    phases.add("scan", 80.0 * share);
    phases.add("rest", 4.0);
    Point {
        sockets,
        processes: 6,
        others_percent: 1.5,
        commands: vec![
            timings(BASELINE, 4000.0 * share * share),
            timings(TABLE, 200.0 * share),
            timings(JSONL, 400.0 * share),
            timings(JSON, 400.0 * share),
            timings(DIAG, 500.0 * share),
        ],
        scan_ms: vec![80.0 * share; 2],
        phases: vec![phases],
    }
}

pub(super) fn list() -> List {
    List {
        idle: timings("observer list", 40.0),
        few: vec![timings(TABLE, 45.0)],
        points: vec![point(900), point(9_000), point(90_000)],
    }
}

/// Floors with a summary of so many times the touching walk.
pub(super) fn floors(times: f64) -> Floors {
    let runs = |kind, wall: [f64; 2]| Runs {
        kind,
        wall_ms: wall.into(),
        cpu_ms: wall.map(|ms| ms + 15.0).into(),
    };
    let touch = Runs {
        cpu_ms: vec![60.0; 2],
        ..runs(WalkKind::Touch, [50.0; 2])
    };
    let (summary, summary_cpu) = (50.0 * times, 60.0 * times);
    let summary = Runs {
        cpu_ms: vec![summary_cpu - 5.0, summary_cpu + 5.0],
        ..runs(WalkKind::Summary, [summary - 5.0, summary + 5.0])
    };
    Floors(vec![Floor {
        sockets: 90_000,
        processes: 6,
        others_percent: 0.5,
        measured: Measured {
            touched: 90_010,
            summarized: 90_008,
            scanned: 90_008,
            kinds: vec![
                runs(WalkKind::Empty, [20.0; 2]),
                touch,
                summary,
                runs(WalkKind::Scan, [110.0; 2]),
            ],
        },
    }])
}

pub(super) fn watch() -> Watch {
    Watch {
        sockets: 50_000,
        seconds: 20,
        observer_s: 0.7,
        ss_s: 8.4,
        slowest_key_ms: 19.0,
    }
}

/// Some sections in each place.
pub(super) fn results() -> Results {
    Results {
        native: Place {
            list: Some(taken(list())),
            floors: Some(taken(floors(1.5))),
            watch: Some(taken(watch())),
            ..Place::default()
        },
        guest: Place {
            floors: Some(taken(floors(1.2))),
            ..Place::default()
        },
    }
}
