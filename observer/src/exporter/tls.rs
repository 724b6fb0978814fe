//! TLS of the listener: certificate and key from PEM files.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use super::error::ServeError;

/// Files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that lead to its issuer, in PEM form.
    pub cert: PathBuf,
    /// Its private key, in PEM form.
    pub key: PathBuf,
}

/// Reads the files.
pub(super) fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, ServeError> {
    let TlsFiles { cert, key } = files;
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<_, _>>)
        .and_then(|chain: Vec<_>| match chain.as_slice() {
            [] => Err(pem::Error::NoItemsFound),
            _ => Ok(chain),
        })
        .map_err(|error| unreadable("certificate", cert, error))?;
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("private key", key, error))?;
    configure(chain, secret).map_err(|source| ServeError::Certificate {
        cert: cert.clone(),
        key: key.clone(),
        source,
    })
}

fn configure(
    chain: Vec<CertificateDer<'static>>,
    secret: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn unreadable(what: &'static str, path: &std::path::Path, error: pem::Error) -> ServeError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => ServeError::Read { what, path, source },
        source => ServeError::Pem { what, path, source },
    }
}
