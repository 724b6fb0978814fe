//! The HTTP server. Binding is apart from serving: it is done while the process has its privileges.

mod accept;
mod bind;
mod connection;
mod limits;
mod middleware;
mod paths;
mod routes;
mod secrets;
mod stall;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use limits::ServerLimits;

use super::error::ServeError;
use super::state::Exporter;
use super::tls::TlsFiles;
use crate::config::listen::Listen;
use accept::{Accepting, Listener};
use bind::Bound;
use connection::Connections;
use middleware::RequestMiddleware;
use secrets::Secrets;

/// Configuration of the server.
#[derive(Debug, Clone, Default)]
pub struct ServerConfig {
    /// The address.
    pub listen: Listen,
    /// With TLS by this certificate, unless the web configuration names one.
    pub tls: Option<TlsFiles>,
    /// A web configuration as Prometheus's exporters take it: certificate, users with passwords.
    pub web_config: Option<PathBuf>,
    /// An address off loopback may be served without TLS.
    pub allow_plaintext: bool,
    /// Bounds on what clients may take.
    pub limits: ServerLimits,
}

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listen: Listen,
    bound: Bound,
    secrets: Secrets,
    limits: ServerLimits,
}

/// Reads certificate and users again while the server runs.
#[derive(Debug, Clone)]
pub struct Reloader {
    secrets: Secrets,
    bound: Listen,
}

impl Reloader {
    /// Reads the files that `config` names. Connections that are open stay as they are; address and
    /// limits stay as they were bound.
    ///
    /// # Errors
    /// Faults in them; the old certificate and users stay in force.
    pub fn reload(&self, config: &ServerConfig) -> Result<(), ServeError> {
        self.secrets.reload(&self.bound, config)
    }
}

impl Server {
    /// Reads certificate and users, and listens.
    ///
    /// # Errors
    /// A file that is wrong, an address that cannot be listened on, or one off loopback without TLS.
    pub fn bind(config: &ServerConfig) -> Result<Self, ServeError> {
        Ok(Self {
            listen: config.listen.clone(),
            secrets: Secrets::load(config)?,
            bound: bind::bind(&config.listen)?,
            limits: config.limits,
        })
    }

    /// The TCP address, with the port that the kernel chose where none was asked for.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.bound {
            Bound::Tcp(listener) => listener.local_addr().ok(),
            Bound::Unix(..) => None,
        }
    }

    /// Changes certificate and users later.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader {
            secrets: self.secrets.clone(),
            bound: self.listen.clone(),
        }
    }

    /// Answers until `shutdown`, then gives answers under way a moment.
    ///
    /// # Errors
    /// The listener cannot be handed to the runtime. Once it serves, nothing ends it but `shutdown`.
    pub async fn run(
        self,
        exporter: Arc<Exporter>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let tallies = Arc::clone(exporter.metrics().http());
        let middleware = RequestMiddleware {
            limits: self.limits,
            secrets: self.secrets.clone(),
            tallies: Arc::clone(&tallies),
        };
        let (stop, stopped) = watch::channel(false);
        let mut accepting = Accepting {
            tasks: JoinSet::new(),
            connections: Connections {
                limits: self.limits,
                secrets: self.secrets,
                tallies,
                router: routes::router(exporter, middleware),
                stop: stopped,
            },
        };
        // The file of a Unix socket goes when this ends.
        match self.bound {
            Bound::Tcp(listener) => {
                let listener = TcpListener::from_std(listener).map_err(ServeError::Runtime)?;
                accepting.until(shutdown, &Listener::Tcp(listener)).await;
            }
            Bound::Unix(listener, _file) => {
                let listener = UnixListener::from_std(listener).map_err(ServeError::Runtime)?;
                accepting.until(shutdown, &Listener::Unix(listener)).await;
            }
        }
        stop.send_replace(true);
        let mut tasks = accepting.tasks;
        let ended = async { while tasks.join_next().await.is_some() {} };
        if timeout(self.limits.stop, ended).await.is_err() {
            tasks.shutdown().await;
        }
        Ok(())
    }
}
