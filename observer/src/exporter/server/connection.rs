//! One connection: TLS, then HTTP, until either end or a limit ends it.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

use super::limits::ServerLimits;
use super::secrets::Secrets;
use super::stall::Stalling;
use crate::exporter::metrics::http::{ConnectionFault, HttpTallies};

/// Shared state of the connections.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    pub(super) limits: ServerLimits,
    pub(super) secrets: Secrets,
    pub(super) tallies: Arc<HttpTallies>,
    pub(super) router: Router,
    /// Becomes true when the server stops.
    pub(super) stop: watch::Receiver<bool>,
}

impl Connections {
    pub(super) async fn serve(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let _open = Open::new(Arc::clone(&self.tallies));
        let tallies = Arc::clone(&self.tallies);
        let stream = Stalling::new(stream, self.limits.stall);
        let ended = match self.secrets.tls() {
            None => self.http(stream).await,
            Some(acceptor) => match timeout(self.limits.head, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.http(stream).await,
                Ok(Err(_)) => Err(ConnectionFault::Tls),
                Err(_) => Err(ConnectionFault::Timeout),
            },
        };
        if let Err(fault) = ended {
            tallies.failed(fault);
        }
    }

    async fn http(
        mut self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), ConnectionFault> {
        let has_asked = AtomicBool::new(false);
        let router = self.router;
        let service = service_fn(|request: hyper::Request<Incoming>| {
            has_asked.store(true, Ordering::Relaxed);
            router.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(self.limits.head_bytes.max(8192))
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = sleep(self.limits.connection_age) => {
                connection.as_mut().graceful_shutdown();
                match timeout(self.limits.stall, &mut connection).await {
                    Ok(ended) => ended,
                    Err(_) => return Err(ConnectionFault::Timeout),
                }
            }
            () = stops(&mut self.stop) => {
                connection.as_mut().graceful_shutdown();
                (&mut connection).await
            }
        };
        ended.map_err(|error| fault(&error)).or_else(|fault| {
            // A connection that is kept for a next request ends by the same timer: no fault.
            let kept = fault == ConnectionFault::Timeout && has_asked.load(Ordering::Relaxed);
            if kept { Ok(()) } else { Err(fault) }
        })
    }
}

/// Returns when the server stops.
async fn stops(stop: &mut watch::Receiver<bool>) {
    // Whoever could send is gone: that is a stop too.
    drop(stop.wait_for(|stop| *stop).await);
}

fn fault(error: &hyper::Error) -> ConnectionFault {
    let source = error.source().and_then(|e| e.downcast_ref::<io::Error>());
    let has_stalled = source.is_some_and(|source| source.kind() == io::ErrorKind::TimedOut);
    if error.is_timeout() {
        ConnectionFault::Timeout
    } else if has_stalled {
        ConnectionFault::Stalled
    } else if error.is_parse() || error.is_parse_too_large() {
        ConnectionFault::Malformed
    } else {
        ConnectionFault::Other
    }
}

/// Counts a connection as long as it is open, however it ends.
struct Open(Arc<HttpTallies>);

impl Open {
    fn new(tallies: Arc<HttpTallies>) -> Self {
        tallies.opened();
        Self(tallies)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed();
    }
}
