//! Makes the TCP sockets to be listed, in processes of their own.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::sockopt,
    process::{Resource, getrlimit, setrlimit},
};

/// A holder ends by itself after this time, whatever became of its parent.
const LIFETIME: Duration = Duration::from_secs(600);

/// What a holder prints when its sockets are there.
const READY: &str = "ready";

/// Descriptors of a holder that are not the sockets to be listed: stdio and its listener.
const SPARE_FDS: usize = 16;

#[derive(clap::Args)]
pub(super) struct HoldArgs {
    #[arg(long)]
    connections: usize,
    #[arg(long)]
    address: Ipv4Addr,
}

/// Processes that hold sockets until this is dropped.
pub(super) struct Holders(Vec<Child>);

impl Holders {
    /// Starts `processes` processes that hold at least `sockets` sockets together, and waits until
    /// they do.
    pub(super) fn start(sockets: usize, processes: usize) -> Result<Self> {
        let connections = sockets.div_ceil(2);
        let each = connections.div_ceil(processes.max(1));
        let most = raise_fd_limit().saturating_sub(SPARE_FDS) / 2;
        if each > most {
            let needed = connections.div_ceil(most.max(1));
            bail!("a process may hold {most} connections here: --processes {needed} or more");
        }
        let xtask = std::env::current_exe().context("where is xtask's own program?")?;
        let mut holders = Self(Vec::new());
        let mut left = connections;
        for third_byte in 0..u8::MAX {
            if left == 0 {
                break;
            }
            let here = each.min(left);
            left -= here;
            // An address for each, so that the ports suffice.
            let address = Ipv4Addr::new(127, 77, third_byte, 1);
            let child = Command::new(&xtask)
                .args(["bench", "hold", "--connections", &here.to_string()])
                .args(["--address", &address.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .context("cannot start a process to hold sockets")?;
            holders.0.push(child);
        }
        if left > 0 {
            bail!("at most {} processes can hold sockets", u8::MAX);
        }
        for child in &mut holders.0 {
            let stdout = child.stdout.as_mut().context("a holder has no stdout")?;
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line)?;
            if line.trim_end() != READY {
                bail!("a process could not make its sockets");
            }
        }
        Ok(holders)
    }
}

impl Drop for Holders {
    fn drop(&mut self) {
        for child in &mut self.0 {
            drop(child.stdin.take());
        }
        for child in &mut self.0 {
            let _status = child.wait();
        }
    }
}

/// The holder's own work.
pub(super) fn hold(args: &HoldArgs) -> Result<()> {
    let until = Instant::now() + LIFETIME;
    raise_fd_limit();
    let listener = TcpListener::bind((args.address, 0))?;
    let address = listener.local_addr()?;
    let mut held = Vec::with_capacity(2 * args.connections);
    for number in 0..args.connections {
        let client = TcpStream::connect(address)
            .with_context(|| format!("connection {number} to {address}"))?;
        let (server, _) = listener.accept()?;
        configure(number, &client)?;
        for socket in [&client, &server] {
            // A reset at the end: no TIME_WAIT is left to whoever measures next.
            sockopt::set_socket_linger(socket, Some(Duration::ZERO))?;
        }
        held.extend([client, server]);
    }
    println!("{READY}");
    io::stdout().flush()?;
    wait_for_eof(until)
}

/// Every other client has keepalive on, every fourth with times of its own.
fn configure(number: usize, client: &TcpStream) -> Result<()> {
    if number.is_multiple_of(2) {
        sockopt::set_socket_keepalive(client, true)?;
    }
    if number.is_multiple_of(4) {
        sockopt::set_tcp_keepidle(client, Duration::from_secs(300))?;
        sockopt::set_tcp_keepintvl(client, Duration::from_secs(30))?;
        sockopt::set_tcp_keepcnt(client, 4)?;
    }
    Ok(())
}

fn wait_for_eof(until: Instant) -> Result<()> {
    let stdin = io::stdin();
    loop {
        let left = Timespec::try_from(until.saturating_duration_since(Instant::now()))?;
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        if poll(&mut fds, Some(&left))? == 0 {
            bail!(
                "held sockets for {} s, which is the limit",
                LIFETIME.as_secs()
            );
        }
        if stdin.lock().read(&mut [0; 64])? == 0 {
            return Ok(());
        }
    }
}

/// Raises the soft limit of descriptors to the hard one, and returns it.
fn raise_fd_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is refused, the limit is what it was.
    let _refused = setrlimit(Resource::Nofile, limit);
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}
