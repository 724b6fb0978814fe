//! The screen of `observer watch` for fixed sockets, cell by cell, and what keys do to it.
//! `UPDATE_GOLDEN=1` writes the files anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use observer::cli::parse_selection;
use observer::model::Socket;
use observer::policy::{Judged, Policy, Selection};
use observer::render::order::{SortOrder, sort_by};
use observer::render::{Clock, Tone, short};
use observer::watch::{
    App, KeyAction, MOST_EVENTS, ScanHeader, ScreenStyle, Snapshot, TextLine, draw,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use file::assert_golden;

#[path = "golden/events.rs"]
mod events;
#[path = "golden/file.rs"]
mod file;
#[expect(dead_code, reason = "what tests of single sockets need of it")]
#[path = "golden/sockets.rs"]
mod sockets;

const PLAIN: ScreenStyle = ScreenStyle {
    color: false,
    unicode: true,
};
const ASCII: ScreenStyle = ScreenStyle {
    color: false,
    unicode: false,
};
const COLOR: ScreenStyle = ScreenStyle {
    color: true,
    unicode: true,
};

const TAKEN_NS: u64 = 1_000_000_000;

fn how() -> ScanHeader {
    ScanHeader {
        taken_ns: TAKEN_NS,
        scan: "bpf",
        hooks: "trampoline",
        took: Duration::from_micros(12_400),
        is_incomplete: true,
    }
}

fn snapshot(mut sockets: Vec<Socket>) -> Arc<Snapshot> {
    for (cookie, socket) in (1..).zip(&mut sockets) {
        socket.cookie = Some(cookie);
    }
    let policy = sockets::policy();
    Arc::new(Snapshot::new(sockets, &policy, how()))
}

fn app_without_events() -> App {
    let mut app = App::new(Selection::default(), false, parse_selection);
    app.show(snapshot(sockets::all()));
    app
}

fn app() -> App {
    let mut app = App::new(Selection::default(), true, parse_selection);
    app.show(snapshot(sockets::all()));
    let clock = Clock {
        realtime_ns: events::TAKEN_WALL_NS,
        monotonic_ns: events::TAKEN_NS,
    };
    let lines = events::all()
        .iter()
        .map(|event| TextLine {
            text: short(event, clock),
            tone: Tone::of(event),
        })
        .collect();
    app.add_events(lines, 18, 3);
    app
}

fn terminal(
    app: &mut App,
    (width, height): (u16, u16),
    style: ScreenStyle,
) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app, &style)).unwrap();
    terminal
}

/// The characters of the screen, without blanks at the end of lines.
fn screen(app: &mut App, size: (u16, u16), style: ScreenStyle) -> String {
    let terminal = terminal(app, size, style);
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..size.1 {
        let line: String = (0..size.0).map(|x| buffer[(x, y)].symbol()).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn press(app: &mut App, keys: &[KeyCode]) -> KeyAction {
    let mut outcome = KeyAction::Draw;
    for key in keys {
        outcome = app.key(KeyEvent::new(*key, KeyModifiers::NONE));
    }
    outcome
}

fn type_in(app: &mut App, text: &str) -> KeyAction {
    let keys: Vec<KeyCode> = text.chars().map(KeyCode::Char).collect();
    press(app, &keys)
}

/// The line that is marked, from its reversed cells.
fn marked(app: &mut App) -> String {
    let size = (120, 40);
    let terminal = terminal(app, size, PLAIN);
    let buffer = terminal.backend().buffer();
    let is_marked = |y: &u16| (buffer[(0, *y)].style().add_modifier).contains(Modifier::REVERSED);
    let y = (0..size.1).find(is_marked).unwrap();
    (0..size.0).map(|x| buffer[(x, y)].symbol()).collect()
}

#[test]
fn screens_of_every_size() {
    assert_golden("watch-80x24.txt", &screen(&mut app(), (80, 24), PLAIN));
    assert_golden("watch-120x40.txt", &screen(&mut app(), (120, 40), PLAIN));
    assert_golden("watch-40x10.txt", &screen(&mut app(), (40, 10), PLAIN));
    assert_golden("watch-200x50.txt", &screen(&mut app(), (200, 50), PLAIN));
}

#[test]
fn a_terminal_without_unicode_gets_ascii() {
    let text = screen(&mut app(), (80, 24), ASCII);
    assert_golden("watch-ascii.txt", &text);
    // Names of processes are theirs; every character that is observer's own is ASCII.
    let own = text.lines().filter(|line| !line.contains("größe"));
    for line in own {
        assert!(line.is_ascii(), "{line:?}");
    }
}

#[test]
fn groups_and_pages() {
    let mut app = app();
    type_in(&mut app, "g");
    assert_golden("watch-by-process.txt", &screen(&mut app, (80, 24), PLAIN));
    type_in(&mut app, "g");
    assert_golden("watch-by-unit.txt", &screen(&mut app, (80, 24), PLAIN));
    type_in(&mut app, "g");
    assert_golden("watch-by-remote.txt", &screen(&mut app, (80, 24), PLAIN));
    type_in(&mut app, "ge");
    assert_golden("watch-events.txt", &screen(&mut app, (80, 24), PLAIN));
    press(&mut app, &[KeyCode::Esc]);
    type_in(&mut app, "?");
    assert_golden("watch-help.txt", &screen(&mut app, (80, 24), PLAIN));
}

#[test]
fn no_size_is_too_small() {
    for width in [0, 1, 2, 7, 9, 20, 39] {
        for height in [0, 1, 2, 3, 4, 9, 17, 18] {
            for keys in ["", "?", "e", "g", "/x", "f--port"] {
                let mut app = app();
                type_in(&mut app, keys);
                screen(&mut app, (width, height), COLOR);
            }
        }
    }
}

#[test]
fn danger_is_coloured_and_only_where_colours_are_wanted() {
    let colors = |style| {
        let terminal = terminal(&mut app(), (120, 40), style);
        let buffer = terminal.backend().buffer().clone();
        let colors = buffer.content().iter().map(|cell| cell.fg);
        colors.collect::<HashSet<Color>>()
    };
    let colored = colors(COLOR);
    assert!(colored.contains(&Color::Red) && colored.contains(&Color::Yellow));
    assert_eq!(colors(PLAIN), HashSet::from([Color::Reset]));
}

#[test]
fn nothing_from_outside_reaches_the_terminal_raw() {
    let mut app = app();
    for keys in ["", "g", "g", "g", "e"] {
        type_in(&mut app, keys);
        let text = screen(&mut app, (200, 50), PLAIN);
        let raw = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(raw, None, "{keys}: {text}");
        assert!(!text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn arrows_and_pages_move_the_mark() {
    let mut app = app();
    screen(&mut app, (120, 40), PLAIN);
    let first = marked(&mut app);
    press(&mut app, &[KeyCode::Up]);
    assert_eq!(marked(&mut app), first);
    press(&mut app, &[KeyCode::Down]);
    let second = marked(&mut app);
    assert_ne!(second, first);
    press(&mut app, &[KeyCode::PageDown, KeyCode::PageDown]);
    let last = marked(&mut app);
    press(&mut app, &[KeyCode::End]);
    assert_eq!(marked(&mut app), last);
    press(&mut app, &[KeyCode::Home, KeyCode::Char('j')]);
    assert_eq!(marked(&mut app), second);
    press(&mut app, &[KeyCode::Char('G')]);
    assert_eq!(marked(&mut app), last);
    press(
        &mut app,
        &[KeyCode::PageUp, KeyCode::PageUp, KeyCode::Char('k')],
    );
    assert_eq!(marked(&mut app), first);
}

/// The mark stays on a socket while others come and go; on the first line it stays on the first.
#[test]
fn a_new_scan_keeps_the_mark() {
    let mut app = app();
    screen(&mut app, (120, 40), PLAIN);
    press(&mut app, &[KeyCode::Down, KeyCode::Down, KeyCode::Down]);
    let before = marked(&mut app);
    let mut fewer = sockets::all();
    for (cookie, socket) in (1..).zip(&mut fewer) {
        socket.cookie = Some(cookie);
    }
    let policy: &'static Policy = Box::leak(Box::new(sockets::policy()));
    let whole = Snapshot::new(fewer.clone(), policy, how());
    // The two most dangerous are gone.
    let mut sockets: Vec<&Judged> = whole.sockets.iter().collect();
    sort_by(&mut sockets, SortOrder::Danger, |judged| {
        (&judged.socket, &judged.judgement)
    });
    let gone: Vec<Option<u64>> = sockets[..2]
        .iter()
        .map(|judged| judged.socket.cookie)
        .collect();
    fewer.retain(|socket| !gone.contains(&socket.cookie));
    app.show(Arc::new(Snapshot::new(fewer.clone(), policy, how())));
    assert_eq!(marked(&mut app), before);
    press(&mut app, &[KeyCode::Home]);
    let first = marked(&mut app);
    app.show(Arc::new(Snapshot::new(Vec::new(), policy, how())));
    assert!(screen(&mut app, (80, 24), PLAIN).contains("no socket matches"));
    app.show(Arc::new(Snapshot::new(fewer, policy, how())));
    assert_eq!(marked(&mut app), first);
}

#[test]
fn search_finds_the_next_and_the_one_before() {
    let mut app = app();
    let starts = |app: &mut App| marked(app);
    type_in(&mut app, "/203.0.113");
    press(&mut app, &[KeyCode::Enter]);
    let first = starts(&mut app);
    assert!(first.contains("203.0.113"), "{first}");
    type_in(&mut app, "n");
    let second = starts(&mut app);
    assert!(second.contains("203.0.113") && second != first, "{second}");
    type_in(&mut app, "N");
    assert_eq!(starts(&mut app), first);
    type_in(&mut app, "/nowhere");
    press(&mut app, &[KeyCode::Enter]);
    assert_eq!(starts(&mut app), first);
    assert!(screen(&mut app, (80, 24), PLAIN).contains("not found: nowhere"));
}

#[test]
fn a_filter_has_the_words_of_the_flags() {
    let mut app = app();
    let all = screen(&mut app, (120, 40), PLAIN);
    type_in(&mut app, "f--verdict protected");
    press(&mut app, &[KeyCode::Enter]);
    let protected = screen(&mut app, (120, 40), PLAIN);
    assert!(protected.contains("[--verdict protected]"), "{protected}");
    assert!(protected.contains("shown "), "{protected}");
    assert_ne!(protected, all);
    // What is wrong is said, and changes nothing.
    type_in(&mut app, "f --nonsense");
    press(&mut app, &[KeyCode::Enter]);
    let wrong = screen(&mut app, (120, 40), PLAIN);
    assert!(
        wrong.contains("unexpected argument '--nonsense'"),
        "{wrong}"
    );
    // The next key takes the message away, this one the filter too.
    press(&mut app, &[KeyCode::Esc]);
    assert_eq!(screen(&mut app, (120, 40), PLAIN), all);
}

#[test]
fn enter_opens_a_group_and_then_explains_a_socket() {
    let mut app = app();
    type_in(&mut app, "g");
    let outcome = press(&mut app, &[KeyCode::Enter]);
    assert_eq!(outcome, KeyAction::Draw);
    let inside = screen(&mut app, (120, 40), PLAIN);
    assert!(inside.contains("  in "), "{inside}");
    let at = match press(&mut app, &[KeyCode::Enter]) {
        KeyAction::Explain(at) => at,
        other => panic!("{other:?}"),
    };
    assert!(screen(&mut app, (80, 24), PLAIN).contains("looking ..."));
    let cookie = Some(u64::try_from(at).unwrap() + 1);
    let line = |text: &str| TextLine {
        text: text.to_owned(),
        tone: Tone::Plain,
    };
    app.explain(Some(4_000_000), vec![line("of another socket")]);
    app.explain(
        cookie,
        (0..50).map(|n| line(&format!("layer {n}"))).collect(),
    );
    let page = screen(&mut app, (80, 24), PLAIN);
    assert!(
        page.contains("layer 0\n") && page.contains("layer 15"),
        "{page}"
    );
    press(&mut app, &[KeyCode::PageDown]);
    assert!(!screen(&mut app, (80, 24), PLAIN).contains("layer 0\n"));
    press(&mut app, &[KeyCode::Esc]);
    assert_eq!(screen(&mut app, (120, 40), PLAIN), inside);
    press(&mut app, &[KeyCode::Esc]);
    assert!(!screen(&mut app, (120, 40), PLAIN).contains("  in "));
}

#[test]
fn while_paused_nothing_changes() {
    let mut app = app();
    type_in(&mut app, " ");
    let paused = screen(&mut app, (120, 40), PLAIN);
    assert!(paused.contains("PAUSED"), "{paused}");
    app.show(snapshot(vec![sockets::off()]));
    assert_eq!(screen(&mut app, (120, 40), PLAIN), paused);
    type_in(&mut app, " ");
    let after = screen(&mut app, (120, 40), PLAIN);
    assert!(after.contains("unprotected 1  "), "{after}");
}

/// Between two scans the clock is what moves, but not while paused.
#[test]
fn the_time_that_is_left_runs_down() {
    let mut app = app();
    let at = |app: &mut App, seconds: u64| {
        app.tick(TAKEN_NS + seconds * 1_000_000_000);
        screen(app, (80, 24), PLAIN)
    };
    let shown = at(&mut app, 0);
    assert!(
        shown.contains(" 150s off") && !shown.contains(" ago"),
        "{shown}"
    );
    let later = at(&mut app, 10);
    assert!(
        later.contains(" 140s off") && later.contains("10 s ago"),
        "{later}"
    );
    let lost = at(&mut app, 151);
    assert!(lost.contains("   +1s off"), "{lost}");
    type_in(&mut app, " ");
    let paused = at(&mut app, 200);
    assert!(paused.contains("   +1s off"), "{paused}");
}

#[test]
fn events_are_bounded_and_counted() {
    let mut app = app();
    let line = |n: u64| TextLine {
        text: format!("event {n}"),
        tone: Tone::Plain,
    };
    for batch in 0..30 {
        let lines = (0..100).map(|n| line(batch * 100 + n)).collect();
        app.add_events(lines, 100, 1);
    }
    let text = screen(&mut app, (80, 24), PLAIN);
    assert!(
        text.contains("events 3018") && text.contains("lost 33"),
        "{text}"
    );
    assert!(text.contains("event 2999\n"), "{text}");
    type_in(&mut app, "e");
    screen(&mut app, (80, 24), PLAIN);
    press(&mut app, &[KeyCode::Home]);
    let oldest = format!("event {}\n", 3000 - u64::try_from(MOST_EVENTS).unwrap());
    let text = screen(&mut app, (80, 24), PLAIN);
    assert!(text.contains(&oldest), "{text}");
    // A whole page of them.
    let newest = format!(
        "event {}\n",
        3000 - u64::try_from(MOST_EVENTS).unwrap() + 19
    );
    assert!(text.contains(&newest), "{text}");
}

#[test]
fn keys_that_end_or_suspend() {
    let control =
        |app: &mut App, c| app.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL));
    for keys in ["", "?", "/x", "f", "g"] {
        let mut app = app();
        type_in(&mut app, keys);
        assert_eq!(control(&mut app, 'z'), KeyAction::Suspend, "{keys}");
        assert_eq!(control(&mut app, 'c'), KeyAction::Quit, "{keys}");
    }
    assert_eq!(type_in(&mut app(), "q"), KeyAction::Quit);
    // Within a page it closes that, in a prompt it is a letter.
    for keys in ["?q", "/q", "fq"] {
        assert_eq!(type_in(&mut app(), keys), KeyAction::Draw, "{keys}");
    }
    let mut app = app_without_events();
    type_in(&mut app, "e");
    assert!(screen(&mut app, (80, 24), PLAIN).contains("there are no events"));
}

/// As many as a busy proxy has: what a key costs until its frame is drawn.
#[test]
#[ignore = "measures: run with --release"]
fn fifty_thousand_sockets() {
    let kinds = sockets::all();
    let many: Vec<Socket> = kinds.iter().cycle().take(50_000).cloned().collect();
    let many = snapshot(many);
    let mut app = App::new(Selection::default(), true, parse_selection);
    let mut terminal = Terminal::new(TestBackend::new(200, 50)).unwrap();
    let mut worst_frame = Duration::ZERO;
    let mut frame = |app: &mut App| {
        let began = Instant::now();
        terminal.draw(|frame| draw(frame, app, &COLOR)).unwrap();
        worst_frame = worst_frame.max(began.elapsed());
    };
    let mut worst_scan = Duration::ZERO;
    for _ in 0..5 {
        let began = Instant::now();
        app.show(Arc::clone(&many));
        worst_scan = worst_scan.max(began.elapsed());
        frame(&mut app);
    }
    let mut worst_key = ("", Duration::ZERO);
    let keys = [
        ("down", KeyCode::Down),
        ("page", KeyCode::PageDown),
        ("end", KeyCode::End),
        ("sort by quiet", KeyCode::Char('s')),
        ("sort by idle", KeyCode::Char('s')),
        ("sort by pid", KeyCode::Char('s')),
        ("sort by remote", KeyCode::Char('s')),
        ("by process", KeyCode::Char('g')),
        ("by unit", KeyCode::Char('g')),
        ("by remote", KeyCode::Char('g')),
        ("single", KeyCode::Char('g')),
    ];
    for (name, key) in keys {
        let began = Instant::now();
        press(&mut app, &[key]);
        frame(&mut app);
        let took = began.elapsed();
        println!("{name}: {took:?}");
        if took > worst_key.1 {
            worst_key = (name, took);
        }
    }
    type_in(&mut app, "/no such thing");
    let began = Instant::now();
    press(&mut app, &[KeyCode::Enter]);
    frame(&mut app);
    println!("search in vain: {:?}", began.elapsed());
    worst_key.1 = worst_key.1.max(began.elapsed());
    println!("a scan taken: {worst_scan:?}, a frame: {worst_frame:?}, a key: {worst_key:?}");
    assert!(worst_frame < Duration::from_millis(50), "{worst_frame:?}");
    assert!(worst_scan < Duration::from_millis(100), "{worst_scan:?}");
    assert!(worst_key.1 < Duration::from_millis(100), "{worst_key:?}");
}
