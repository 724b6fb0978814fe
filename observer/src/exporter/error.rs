//! Errors of the server.

use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem;

use crate::config::listen::Listen;

/// Reason why the agent cannot serve, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Off loopback without TLS.
    #[error(
        "{0} is not a loopback address, and without TLS anybody on the way could read and change what is served: give a certificate and a key ([agent] tls, or tls_server_config in the web configuration), listen on 127.0.0.1, or set allow_plaintext = true"
    )]
    Plaintext(Listen),
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}")]
    Bind {
        /// The address.
        listen: Listen,
        /// Why.
        source: io::Error,
    },
    /// Something is where the Unix socket should be.
    #[error("cannot listen on unix:{}: a file that is no socket is there", .0.display())]
    NoSocket(PathBuf),
    /// Another process listens on the Unix socket.
    #[error("cannot listen on unix:{}: another process listens there", .0.display())]
    InUse(PathBuf),
    /// A file of TLS or the web configuration cannot be read.
    #[error("cannot read {what} {}", path.display())]
    Read {
        /// Kind of file.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file has no certificate or key in it.
    #[error("{}: no {what} in PEM form", path.display())]
    Pem {
        /// Contents that it should have.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// Certificate and key are no pair, or of a kind that is not supported.
    #[error("cannot serve with the certificate {} and the key {}", cert.display(), key.display())]
    Certificate {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Two certificates are configured.
    #[error(
        "TLS is configured twice, by [agent] tls and by tls_server_config in {}: leave one out", .0.display()
    )]
    TlsTwice(PathBuf),
    /// The web configuration is wrong.
    #[error("{}: {message}", path.display())]
    WebConfig {
        /// The file.
        path: PathBuf,
        /// Fault, and its place.
        message: String,
    },
    /// The listener cannot be handed to the runtime.
    #[error("cannot wait for connections")]
    Runtime(#[source] io::Error),
}
