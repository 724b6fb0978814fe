//! Duration of output. Run with
//! `cargo test --release --test cli_speed -- --ignored --nocapture --test-threads 1`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{self, Write};
use std::time::{Duration, Instant};

use observer::model::Socket;
use observer::policy::JudgedRef;
use observer::render::json;
use observer::render::order::{self, SortOrder};
use observer::report::table::{self, Style};

#[path = "golden/sockets.rs"]
mod sockets;

const SOCKETS: usize = 90_000;

/// As many sockets as a busy proxy has, each different.
fn many() -> Vec<Socket> {
    let kinds = sockets::all();
    let mut many: Vec<Socket> = kinds.iter().cycle().take(SOCKETS).cloned().collect();
    for (i, socket) in (0u64..).zip(&mut many) {
        socket.cookie = Some(1_000_000 + i);
        if let Some(ms) = &mut socket.idle.sent_ms {
            *ms += i.wrapping_mul(2_654_435_761) % 400_000;
        }
    }
    many
}

/// Counts what is written.
#[derive(Default)]
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The best of five runs must be within the promise.
fn assert_fast(
    what: &str,
    at_most: Duration,
    print: impl Fn(&mut Count, &[JudgedRef<'_>]) -> io::Result<()>,
) {
    let (many, policy) = (many(), sockets::policy());
    let mut best = Duration::MAX;
    let mut count = Count::default();
    for _ in 0..5 {
        count = Count::default();
        let began = Instant::now();
        let mut judged = sockets::judged(&many, &policy);
        order::sort(&mut judged, SortOrder::Danger);
        print(&mut count, &judged).unwrap();
        best = best.min(began.elapsed());
    }
    println!("{what}: {SOCKETS} sockets, {} bytes in {best:?}", count.0);
    assert!(best <= at_most, "{what} took {best:?}");
}

#[test]
#[ignore = "measures time: needs a release build and an idle machine"]
fn the_table_is_fast() {
    assert_fast("table", Duration::from_millis(100), |out, sockets| {
        table::write(out, sockets, Style::default(), 1)
    });
}

#[test]
#[ignore = "measures time: needs a release build and an idle machine"]
fn the_wide_table_is_fast() {
    let wide = Style {
        wide: true,
        color: false,
    };
    assert_fast("wide", Duration::from_millis(200), |out, sockets| {
        table::write(out, sockets, wide, 1)
    });
}

#[test]
#[ignore = "measures time: needs a release build and an idle machine"]
fn lines_are_fast() {
    assert_fast("jsonl", Duration::from_millis(250), |out, sockets| {
        json::lines(out, sockets, 1)
    });
}
