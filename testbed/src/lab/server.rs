//! The lab's server: HTTP that is slow in the ways asked for by the path.
//!
//! `/sleep/MS` answers after so many milliseconds, `/dribble/MS/N` sends a byte of the answer each
//! so many milliseconds, N of them.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    num::ParseIntError,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::net::sockopt;

use super::ANSWER;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";

#[derive(clap::Args)]
pub(super) struct ServeArgs {
    /// Address for requests
    #[arg(long)]
    listen: SocketAddr,
    /// Address for those whose connections the server itself keeps alive
    #[arg(long)]
    probing: SocketAddr,
    /// Seconds between its probes
    #[arg(long)]
    probe_s: u64,
}

impl ServeArgs {
    /// Arguments that make a process of the testbed this server.
    pub(super) fn words(listen: SocketAddr, probing: SocketAddr, probe_s: u64) -> Vec<String> {
        let words = ["lab", "serve", "--listen", &listen.to_string(), "--probing"];
        let mut words: Vec<_> = words.map(str::to_owned).into();
        words.extend([probing.to_string(), "--probe-s".into(), probe_s.to_string()]);
        words
    }
}

/// Serves until it is killed.
pub(super) fn serve(args: &ServeArgs) -> Result<()> {
    let probing = TcpListener::bind(args.probing)
        .with_context(|| format!("cannot listen on {}", args.probing))?;
    let every = Duration::from_secs(args.probe_s);
    thread::spawn(move || accept(&probing, Some(every)));
    let plain = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    accept(&plain, None);
    Ok(())
}

fn accept(listener: &TcpListener, probe_every: Option<Duration>) {
    for stream in listener.incoming() {
        let work = move || converse(&stream?, probe_every);
        thread::spawn(|| {
            if let Err(error) = work() {
                eprintln!("testbed: lab server: {error:#}");
            }
        });
    }
}

/// Answers requests of one connection, until the client ends it.
fn converse(stream: &TcpStream, probe_every: Option<Duration>) -> Result<()> {
    if let Some(every) = probe_every {
        sockopt::set_socket_keepalive(stream, true)?;
        sockopt::set_tcp_keepidle(stream, every)?;
        sockopt::set_tcp_keepintvl(stream, every)?;
    }
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next() {
        let request = request?;
        for header in lines.by_ref() {
            if header?.is_empty() {
                break;
            }
        }
        answer(stream, &request)?;
    }
    Ok(())
}

fn answer(mut stream: &TcpStream, request: &str) -> Result<()> {
    let path = request.split(' ').nth(1).unwrap_or_default();
    let words: Vec<&str> = path.split('/').skip(1).collect();
    let body = format!("{ANSWER}\n");
    let gap = |ms: &str| Ok::<_, ParseIntError>(Duration::from_millis(ms.parse()?));
    match words[..] {
        ["sleep", ms] => thread::sleep(gap(ms)?),
        ["dribble", ms, bytes] => return dribble(stream, &body, gap(ms)?, bytes.parse()?),
        _ => bail!("no such path: {path}"),
    }
    let length = body.len();
    // In one piece: a client may take what comes first for everything.
    let answer = format!("{HEAD}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes())?;
    Ok(())
}

/// Spaces, one by one, then the answer.
fn dribble(mut stream: &TcpStream, body: &str, gap: Duration, bytes: u64) -> Result<()> {
    let length = bytes + body.len() as u64;
    stream.write_all(format!("{HEAD}Content-Length: {length}\r\n\r\n").as_bytes())?;
    for _ in 0..bytes {
        thread::sleep(gap);
        stream.write_all(b" ")?;
    }
    thread::sleep(gap);
    stream.write_all(body.as_bytes())?;
    Ok(())
}
