//! Clients that mean no good.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use observer::exporter::{ServerConfig, ServerLimits};

use crate::kit::{Running, answer, config, counted, limits, sample, snapshot, start, start_with};

fn failed(server: &Running, reason: &str) -> f64 {
    let metrics = server.get("/metrics");
    let series = format!("observer_http_connections_failed_total{{reason=\"{reason}\"}}");
    sample(metrics.text(), &series)
}

fn assert_failed(server: &Running, reason: &str, times: f64) {
    assert_eq!(counted(times, || failed(server, reason)), times);
}

/// Bytes that come until the server closes.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes));
    bytes
}

#[test]
fn a_head_that_comes_in_drops_is_not_waited_for() {
    let server = start(&config());
    let began = Instant::now();
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    let mut writing = stream.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        // Until the server has closed.
        while writing.write_all(b"x").is_ok() && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    rest(&mut stream);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_failed(&server, "timeout", 1.0);
    dripping.join().unwrap();
}

#[test]
fn who_says_nothing_is_not_waited_for_and_who_is_done_is_no_fault() {
    let server = start(&config());
    rest(&mut server.connect());
    assert_failed(&server, "timeout", 1.0);
    let mut kept = server.connect();
    kept.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    assert_eq!(answer(&rest(&mut kept)).code, 200);
    assert_failed(&server, "timeout", 1.0);
}

#[test]
fn a_huge_head_and_garbage_are_refused() {
    let server = start(&config());
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nx: ").unwrap();
    let mut reading = stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        let piece = [b'a'; 64 * 1024];
        let mut written = 0;
        while written < 10 << 20 && stream.write_all(&piece).is_ok() {
            written += piece.len();
        }
        written
    });
    let code = answer(&rest(&mut reading)).code;
    assert!(code == 431 || code == 400, "{code}");
    drop(reading);
    assert!(writing.join().unwrap() < 10 << 20, "it was all read");

    let mut stream = server.connect();
    stream
        .write_all(b"\x16\x03\x01\x02\x00\x01\xff\xfe\0\0\r\n\r\n")
        .unwrap();
    assert_eq!(answer(&rest(&mut stream)).code, 400);
    assert_failed(&server, "malformed", 2.0);
}

#[test]
fn connections_beyond_the_limit_are_closed_at_once() {
    let config = ServerConfig {
        limits: ServerLimits {
            head: Duration::from_secs(30),
            ..limits()
        },
        ..config()
    };
    let server = start(&config);
    let mut kept = Vec::new();
    let mut refused = 0.0;
    for _ in 0..600 {
        let mut stream = server.connect();
        stream
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        if kept.len() < 512 {
            kept.push(stream);
            continue;
        }
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
        refused += 1.0;
    }
    kept.truncate(500);
    let asked = Instant::now();
    // The server hears of the closed ones a moment later.
    let metrics = loop {
        let mut stream = server.connect();
        drop(stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
        let bytes = rest(&mut stream);
        if !bytes.is_empty() {
            break answer(&bytes);
        }
        refused += 1.0;
        assert!(asked.elapsed() < Duration::from_secs(5));
    };
    let series = "observer_http_connections_refused_total";
    assert_eq!(sample(metrics.text(), series), refused);
    let open = sample(metrics.text(), "observer_http_connections");
    assert!((500.0..=512.0).contains(&open), "{open}");
}

#[test]
fn who_does_not_read_is_not_written_to_forever() {
    let config = ServerConfig {
        limits: ServerLimits {
            stall: Duration::from_millis(300),
            ..limits()
        },
        ..config()
    };
    let server = start(&config);
    server.exporter.show_snapshot(snapshot());
    let mut stream = server.connect();
    // Answers pile up until the buffers of both ends are full.
    stream
        .set_write_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) && stream.write_all(&request).is_ok() {}
    assert_failed(&server, "stalled", 1.0);
}

#[test]
fn a_connection_ends_some_day_however_busy() {
    let config = ServerConfig {
        limits: ServerLimits {
            connection_age: Duration::from_millis(300),
            ..limits()
        },
        ..config()
    };
    let server = start(&config);
    let mut stream = server.connect();
    let began = Instant::now();
    let mut answered = 0;
    while stream
        .write_all(b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n")
        .is_ok()
    {
        if stream.read(&mut [0; 4096]).unwrap_or(0) == 0 {
            break;
        }
        answered += 1;
        std::thread::sleep(Duration::from_millis(20));
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    assert!(answered > 3, "{answered}");
}

#[test]
fn stopping_takes_no_longer_than_a_second() {
    let server = start_with(&config(), Duration::from_secs(60), Duration::from_secs(60));
    let idle = server.connect();
    let mut busy = server.connect();
    busy.write_all(b"GET /api/v1/sockets HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let began = Instant::now();
    server.stop();
    assert!(
        began.elapsed() < Duration::from_millis(1100),
        "{:?}",
        began.elapsed()
    );
    drop(idle);
}
