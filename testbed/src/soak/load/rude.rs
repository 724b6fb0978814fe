//! Clients that hang up, dawdle or talk nonsense.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Result, bail};
use rustix::net::sockopt;

use super::{Pace, Work};
use crate::bench::agent::bad_clients::{GARBAGE, HUGE, SLOW, garbage, huge, slow};

/// Bytes sent before hanging up, and the amount of the answer that is read first.
const HANG_UPS: [(&str, usize); 5] = [
    ("", 0),
    ("GET /metr", 0),
    ("GET /metrics HTTP/1.1\r\nHost: s\r\n\r\n", 0),
    ("GET / HTTP/1.1\r\nHost: s\r\n\r\n", 100),
    ("GET /api/v1/sockets?all HTTP/1.1\r\nHost: s\r\n\r\n", 1_000),
];

/// Hangs up by a reset, in the middle of something.
pub(super) fn hang_ups(work: &Work, address: SocketAddr, slower: u32) -> Result<()> {
    let mut pace = Pace::new(Duration::from_millis(200) * slower);
    for (sent, reads) in HANG_UPS.iter().cycle() {
        if !pace.wait(work) {
            return Ok(());
        }
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(40)))?;
        sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
        stream.write_all(sent.as_bytes())?;
        let mut answer = vec![0; *reads];
        stream.read_exact(&mut answer)?;
        work.count(1);
    }
    Ok(())
}

/// All the bad clients of the benchmark, one kind after the other, and again.
pub(super) fn rounds(work: &Work, address: SocketAddr, slower: u32) -> Result<()> {
    let mut pace = Pace::new(Duration::from_secs(10) * slower);
    while pace.wait(work) {
        let away = [garbage(address)?, huge(address)?, slow(address)?];
        // An emulated machine may not come round to all of the slow ones in time.
        let is_away = match away {
            [GARBAGE, HUGE, SLOW] => true,
            [GARBAGE, HUGE, _] => slower > 1,
            _ => false,
        };
        if !is_away {
            bail!(
                "of {GARBAGE} with garbage, {HUGE} with huge headers and {SLOW} slow ones, \
                 {away:?} were turned away"
            );
        }
        work.count(1);
    }
    Ok(())
}
