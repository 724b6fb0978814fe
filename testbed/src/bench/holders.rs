//! Makes the TCP sockets to be listed, in processes of their own.

use std::{
    ffi::CString,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::sockopt,
    process::{Resource, getrlimit, setrlimit},
    thread::set_name,
};

use crate::netns;

/// A holder ends by itself after this time, whatever became of its parent.
const LIFETIME: Duration = Duration::from_secs(1800);

/// With most of the 28,000 ports for clients taken, the kernel looks long for a free one.
const CONNECTIONS_A_REMOTE: usize = 10_000;

/// Line that a holder prints when its sockets are there.
const READY: &str = "ready";

/// Descriptors of a holder that are not the sockets to be listed: stdio and its listener.
const SPARE_FDS: usize = 16;

/// Sockets of one process.
#[derive(clap::Args)]
pub(super) struct HoldArgs {
    #[arg(long)]
    pub(super) connections: usize,
    /// Address of the servers; of several remotes, the first.
    #[arg(long)]
    pub(super) address: Ipv4Addr,
    /// Clients connect to so many addresses in turn, which count up from the first.
    #[arg(long, default_value_t = 1)]
    pub(super) remotes: u32,
    /// The process's name.
    #[arg(long)]
    pub(super) comm: Option<String>,
    /// The network namespace of the clients.
    #[arg(long, requires = "server_netns")]
    pub(super) client_netns: Option<PathBuf>,
    /// The network namespace of the servers.
    #[arg(long, requires = "client_netns")]
    pub(super) server_netns: Option<PathBuf>,
}

impl HoldArgs {
    pub(super) fn new(connections: usize, address: Ipv4Addr) -> Self {
        Self {
            connections,
            address,
            remotes: 1,
            comm: None,
            client_netns: None,
            server_netns: None,
        }
    }

    fn command(&self) -> Result<Command> {
        let testbed = std::env::current_exe().context("where is the testbed's own program?")?;
        let mut command = Command::new(testbed);
        command
            .args(["bench", "hold"])
            .args(["--connections", &self.connections.to_string()])
            .args(["--address", &self.address.to_string()])
            .args(["--remotes", &self.remotes.to_string()]);
        if let Some(comm) = &self.comm {
            command.args(["--comm", comm]);
        }
        for (flag, netns) in [
            ("--client-netns", &self.client_netns),
            ("--server-netns", &self.server_netns),
        ] {
            if let Some(netns) = netns {
                command.arg(flag).arg(netns);
            }
        }
        Ok(command)
    }
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
        let mut all = Vec::new();
        let mut left = connections;
        for third_byte in 0..u8::MAX {
            if left == 0 {
                break;
            }
            let here = each.min(left);
            left -= here;
            // Addresses for each, so that the ports suffice.
            let remotes = here.div_ceil(CONNECTIONS_A_REMOTE);
            all.push(HoldArgs {
                remotes: u32::try_from(remotes)?,
                ..HoldArgs::new(here, Ipv4Addr::new(127, 77, third_byte, 1))
            });
        }
        if left > 0 {
            bail!("at most {} processes can hold sockets", u8::MAX);
        }
        Self::start_all(&all)
    }

    /// Starts a process for each, and waits until all hold what they shall.
    pub(super) fn start_all(all: &[HoldArgs]) -> Result<Self> {
        let mut holders = Self(Vec::new());
        for args in all {
            let child = args
                .command()?
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .context("cannot start a process to hold sockets")?;
            holders.0.push(child);
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

    /// Ends the first `count` processes.
    pub(super) fn end(&mut self, count: usize) {
        let rest = self.0.split_off(count.min(self.0.len()));
        drop(Self(std::mem::replace(&mut self.0, rest)));
    }

    /// Takes over what others hold.
    pub(super) fn add(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
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
    if let Some(comm) = &args.comm {
        set_name(&CString::new(comm.as_str())?)?;
    }
    let bound = match args.remotes {
        1 => args.address,
        _ => Ipv4Addr::UNSPECIFIED,
    };
    if let Some(netns) = &args.server_netns {
        netns::enter(netns)?;
    }
    let listener = TcpListener::bind((bound, 0))?;
    let port = listener.local_addr()?.port();
    if let Some(netns) = &args.client_netns {
        netns::enter(netns)?;
    }
    let mut held = Vec::with_capacity(2 * args.connections);
    let remotes = (0..args.remotes).cycle().take(args.connections);
    for (number, remote) in remotes.enumerate() {
        let address = (Ipv4Addr::from(u32::from(args.address) + remote), port);
        let client = TcpStream::connect(address)
            .with_context(|| format!("connection {number} to {address:?}"))?;
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
pub(crate) fn raise_fd_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is refused, the limit is what it was.
    let _refused = setrlimit(Resource::Nofile, limit);
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}
