//! Short connections over loopback, of every kind that hooks distinguish.

use std::{
    collections::VecDeque,
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Result, bail};
use rustix::{io::Errno, net::sockopt};

use super::{Pace, Work};

/// Connections that stay open behind the newest one.
const KEPT: usize = 200;
/// Turns a second; in each, a share of the connections.
const TURNS: u32 = 20;

type Pair = (TcpStream, TcpStream);

pub(super) fn run(work: &Work, a_second: u32) -> Result<()> {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    // Where there is no IPv6, all are IPv4.
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).ok();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let mut kept: VecDeque<Pair> = VecDeque::new();
    let mut number = 0_u64;
    let mut pace = Pace::new(Duration::from_secs(1) / TURNS);
    while pace.wait(work) {
        for _ in 0..a_second.div_ceil(TURNS) {
            number += 1;
            let listener = match &v6 {
                Some(v6) if number.is_multiple_of(5) => v6,
                _ => &v4,
            };
            one(number, listener, closed, &mut kept)?;
            work.count(1);
        }
        while kept.len() > KEPT {
            kept.pop_front();
        }
    }
    Ok(())
}

fn one(
    number: u64,
    listener: &TcpListener,
    closed: SocketAddr,
    kept: &mut VecDeque<Pair>,
) -> Result<()> {
    if number % 8 == 7 {
        return refused(closed);
    }
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    // Most end by a reset: in TIME_WAIT they would use up the ports.
    if !number.is_multiple_of(16) {
        sockopt::set_socket_linger(&client, Some(Duration::ZERO))?;
    }
    match number % 8 {
        1 => {
            sockopt::set_socket_keepalive(&client, true)?;
            sockopt::set_tcp_keepidle(&client, Duration::from_secs(60))?;
            sockopt::set_tcp_keepintvl(&client, Duration::from_secs(15))?;
            sockopt::set_tcp_keepcnt(&client, 4)?;
        }
        2 => too_long(&server)?,
        3 => sockopt::set_tcp_user_timeout(&server, 30_000)?,
        4 => sockopt::set_socket_linger(&server, Some(Duration::ZERO))?,
        5 => {
            client.shutdown(Shutdown::Write)?;
            kept.push_back((client, server));
        }
        6 => {
            sockopt::set_socket_keepalive(&server, true)?;
            sockopt::set_tcp_keepidle(&server, Duration::from_secs(1))?;
            kept.push_back((client, server));
        }
        _ => {}
    }
    Ok(())
}

fn refused(closed: SocketAddr) -> Result<()> {
    match TcpStream::connect(closed) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        // Another program may listen there by now, and stop while it is asked.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// An SDK that passes milliseconds where seconds are wanted.
fn too_long(server: &TcpStream) -> Result<()> {
    match sockopt::set_tcp_keepidle(server, Duration::from_secs(60_000)) {
        Err(Errno::INVAL) => Ok(()),
        outcome => bail!("an idle time of 60000 s should be refused: {outcome:?}"),
    }
}
