//! The clients of the abuse: each gives how many were turned away.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::http::Client;

/// Connections that send their header byte by byte.
pub(crate) const SLOW: usize = 200;
/// They are ended after 5 s.
const SLOW_ENDS: Duration = Duration::from_secs(8);
pub(crate) const HUGE: usize = 10;
const HUGE_BYTES: usize = 10 << 20;
pub(crate) const GARBAGE: usize = 200;
pub(crate) const WRONG_PASSWORDS: usize = 40;
pub(crate) const CROWD: usize = 600;

/// Number of those ended before they could ask.
pub(crate) fn slow(address: SocketAddr) -> Result<usize> {
    const HEADER: &[u8] =
        b"GET /metrics HTTP/1.1\r\nHost: bench\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaa";
    let mut streams = connect(address, SLOW)?;
    let began = Instant::now();
    let mut bytes = HEADER.iter().cycle();
    while began.elapsed() < SLOW_ENDS && !streams.is_empty() {
        let byte = [*bytes.next().unwrap_or(&b'a')];
        // Who is ended hears so by a read of nothing, a reset, or a write that fails.
        streams.retain_mut(|stream| {
            let is_open = match stream.read(&mut [0; 512]) {
                Ok(0) => false,
                Ok(_) => true,
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            };
            is_open && stream.write_all(&byte).is_ok()
        });
        sleep(Duration::from_millis(300));
    }
    Ok(SLOW - streams.len())
}

fn connect(address: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    let streams = (0..count).map(|_| {
        let stream = TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    });
    let streams: io::Result<Vec<_>> = streams.collect();
    streams.context("cannot connect")
}

/// To how many the server stopped listening long before the end, or refused.
pub(crate) fn huge(address: SocketAddr) -> Result<usize> {
    let header = [
        &b"GET /metrics HTTP/1.1\r\nX-Huge: "[..],
        &vec![b'a'; HUGE_BYTES],
    ]
    .concat();
    let mut away = 0;
    for _ in 0..HUGE {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        let written = stream.write_all(&header);
        let answer = read_all(&mut stream);
        let refused = answer.starts_with(b"HTTP/1.1 431") || answer.starts_with(b"HTTP/1.1 400");
        away += usize::from(written.is_err() || refused);
    }
    Ok(away)
}

/// Number of those answered by an error or by nothing.
pub(crate) fn garbage(address: SocketAddr) -> Result<usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut away = 0;
    for _ in 0..GARBAGE {
        let bytes: Vec<u8> = (0..2000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[0]
            })
            .collect();
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        // It may be gone before it has read all.
        let _gone = stream.write_all(&bytes);
        away += usize::from(!read_all(&mut stream).starts_with(b"HTTP/1.1 2"));
    }
    Ok(away)
}

/// Until the end, a reset or a timeout.
fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    answer
}

/// Number of those refused.
pub(crate) fn wrong_passwords(address: SocketAddr) -> Result<usize> {
    // bench:wrong, and nobody:benchmark.
    const WRONG: [&str; 2] = ["Basic YmVuY2g6d3Jvbmc=", "Basic bm9ib2R5OmJlbmNobWFyaw=="];
    let asking: Vec<_> = (0..WRONG_PASSWORDS)
        .map(|number| {
            let authorization = WRONG[number % WRONG.len()];
            thread::spawn(move || -> Result<u16> {
                let headers = [("Authorization", authorization)];
                Ok(Client::connect(address)?.get("/metrics", &headers)?.status)
            })
        })
        .collect();
    let answered = asking.into_iter().map(|asking| match asking.join() {
        Ok(Ok(status)) => status,
        _ => 0,
    });
    Ok(answered
        .filter(|status| matches!(status, 401 | 503))
        .count())
}

/// Number of those closed at once.
pub(crate) fn crowd(address: SocketAddr) -> Result<usize> {
    let mut streams = connect(address, CROWD)?;
    sleep(Duration::from_secs(2));
    streams.retain_mut(|stream| {
        let read = stream.read(&mut [0; 16]);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    });
    Ok(CROWD - streams.len())
}
