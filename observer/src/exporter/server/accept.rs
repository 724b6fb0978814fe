//! Takes connections, as many as there may be.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::connection::Connections;
use crate::exporter::metrics::http::ConnectionFault;

pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // An answer is written at once. Where it cannot be set, it comes a little later.
                drop(stream.set_nodelay(true));
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

/// Between two tries to accept, when that fails for want of descriptors or memory.
const AGAIN: Duration = Duration::from_millis(100);

/// The connections that are open, a task each.
pub(super) struct Accepting {
    pub(super) tasks: JoinSet<()>,
    pub(super) connections: Connections,
}

impl Accepting {
    pub(super) async fn until(&mut self, shutdown: impl Future<Output = ()>, listener: &Listener) {
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => return,
                // Gives back what a finished one held.
                Some(_) = self.tasks.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(stream) => self.take(stream),
                // The peer hung up before it was its turn.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    self.connections.tallies.failed(ConnectionFault::Accept);
                    tracing::debug!("cannot accept a connection: {error}");
                    tokio::select! {
                        () = &mut shutdown => return,
                        () = sleep(AGAIN) => {}
                    }
                }
            }
        }
    }

    fn take(&mut self, stream: Stream) {
        while self.tasks.try_join_next().is_some() {}
        if self.tasks.len() >= self.connections.limits.connections {
            return self.connections.tallies.refused();
        }
        let connections = self.connections.clone();
        match stream {
            Stream::Tcp(stream) => self.tasks.spawn(connections.serve(stream)),
            Stream::Unix(stream) => self.tasks.spawn(connections.serve(stream)),
        };
    }
}
