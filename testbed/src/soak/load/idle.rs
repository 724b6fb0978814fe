//! Connections that stay, between two network namespaces. Most fall silent for good; some are
//! short of being forgotten again and again, by a rule of the configuration for their port.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use rustix::net::sockopt;

use crate::{netns::Cable, soak::shared::SERVER};

/// The ports of the rule; the second is of the last connection, which is watched to the end.
const SHORT_LIMIT_PORT: u16 = 8443;
/// One that no kernel picks for a client, so that all of both ends are two groups for alerts.
const SILENT_PORT: u16 = 8442;
pub(crate) const LAST_PORT: u16 = 8444;
/// The rule's limit.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(3);
const SHORT_LIMIT: usize = 40;
/// They are silent for so long; the rule has them at risk after 1.5 s and stale after 3.
const SILENT: Duration = Duration::from_secs(7);

pub(crate) struct Idle {
    /// Address that those of the rule connect to.
    pub(crate) short_limit: SocketAddr,
    is_over: Arc<AtomicBool>,
    server: Option<JoinHandle<Result<()>>>,
    toucher: Option<JoinHandle<Result<()>>>,
    /// Both ends of each.
    silent: Vec<TcpStream>,
    listener: TcpListener,
}

impl Idle {
    pub(crate) fn start(cable: &Cable) -> Result<Self> {
        let listen = |port| cable.far.inside(|| Ok(TcpListener::bind((SERVER, port))?));
        let short_limit = listen(SHORT_LIMIT_PORT)?;
        let address = short_limit.local_addr()?;
        let is_over = Arc::<AtomicBool>::default();
        let over = Arc::clone(&is_over);
        let server = thread::spawn(move || serve(&short_limit, &over));
        let clients = connect(cable, address, SHORT_LIMIT)?;
        let over = Arc::clone(&is_over);
        let toucher = thread::spawn(move || touch(clients, &over));
        Ok(Self {
            short_limit: address,
            is_over,
            server: Some(server),
            toucher: Some(toucher),
            silent: Vec::new(),
            listener: listen(SILENT_PORT)?,
        })
    }

    /// More connections that send nothing, every other with keepalive on.
    pub(crate) fn add(&mut self, cable: &Cable, count: usize) -> Result<()> {
        let address = self.listener.local_addr()?;
        for _ in 0..count {
            let client = connect(cable, address, 1)?;
            let (server, _) = self.listener.accept()?;
            if self.silent.len().is_multiple_of(4) {
                sockopt::set_socket_keepalive(&server, true)?;
            }
            self.silent.extend(client);
            self.silent.push(server);
        }
        Ok(())
    }

    /// Ends it; what went wrong.
    pub(crate) fn end(mut self) -> Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in [self.server.take(), self.toucher.take()]
            .into_iter()
            .flatten()
        {
            thread.join().map_err(|_| anyhow!("panicked"))??;
        }
        Ok(())
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in [self.server.take(), self.toucher.take()]
            .into_iter()
            .flatten()
        {
            drop(thread.join());
        }
    }
}

fn connect(cable: &Cable, address: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    cable.near.inside(|| {
        let connect = || TcpStream::connect(address).context("cannot connect over the cable");
        (0..count).map(|_| connect()).collect()
    })
}

/// Takes whoever connects, until they hang up.
fn serve(listener: &TcpListener, over: &AtomicBool) -> Result<()> {
    listener.set_nonblocking(true)?;
    let mut open: Vec<TcpStream> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        while let Some(stream) = accept(listener)? {
            stream.set_nonblocking(true)?;
            open.push(stream);
        }
        open.retain_mut(|stream| match stream.read(&mut [0; 64]) {
            Ok(read) => read > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        });
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn accept(listener: &TcpListener) -> Result<Option<TcpStream>> {
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        // Whoever connected has hung up already.
        Err(error) if error.kind() == ErrorKind::ConnectionAborted => Ok(None),
        Err(error) => Err(error).context("cannot accept over the cable"),
    }
}

/// Ends their silence at times.
fn touch(mut clients: Vec<TcpStream>, over: &AtomicBool) -> Result<()> {
    let mut touched = Instant::now();
    while !over.load(Ordering::Relaxed) {
        if touched.elapsed() > SILENT {
            for client in &mut clients {
                client.write_all(b"!").context("a connection of the rule")?;
            }
            touched = Instant::now();
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
