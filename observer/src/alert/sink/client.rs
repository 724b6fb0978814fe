//! One POST to a sink.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::SinkTiming;
use crate::config::alert::{SinkEntry, SinkKind};
use crate::config::url::SinkUrl;

/// Headers of an answer beyond this are an error, and no more of a body is held at a time.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// So much of a refusal is read, for the log.
const EXCERPT_BYTES: usize = 512;

/// Reason why a sink cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The host's certificates, or rustls.
    #[error("{url}: cannot check certificates: {why}")]
    Roots {
        /// The sink, without its password.
        url: String,
        /// Reason, from the library.
        why: String,
    },
    /// The file with certificates of its own.
    #[error("cannot read certificates from {}: {why}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// Fault in it.
        why: String,
    },
    /// The address that is made of it.
    #[error("{url}: cannot be written to")]
    Url {
        /// The sink, without its password.
        url: String,
    },
}

/// Failure of a POST.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// No answer, or none that is HTTP.
    #[error("{0}")]
    Transport(String),
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// A refusal.
    #[error("{status}: {excerpt}")]
    Status {
        /// The status.
        status: StatusCode,
        /// The beginning of the answer, raw.
        excerpt: String,
    },
}

impl PostError {
    /// True where the same request would be refused again.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
                status.is_client_error() && !later.contains(status)
            }
            Self::Transport(_) | Self::Timeout(_) => false,
        }
    }
}

/// Sends to one sink.
#[derive(Debug)]
pub(super) struct Client {
    http: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    authorization: Option<HeaderValue>,
    total: Duration,
}

impl Client {
    /// Reads the certificates now: later the process may no longer be allowed to.
    pub(super) fn new(entry: &SinkEntry, timing: SinkTiming) -> Result<Self, SinkError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(timing.connect));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(entry)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let http = HyperClient::builder(TokioExecutor::new())
            // Minutes pass between two requests: a kept connection is what observer warns of.
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(READ_BUFFER_BYTES)
            .build(connector);
        let url = || SinkError::Url {
            url: entry.url.to_string(),
        };
        Ok(Self {
            http,
            uri: target(entry.kind, entry.url.uri()).map_err(|_| url())?,
            authorization: authorization(&entry.url).map_err(|_| url())?,
            total: timing.total,
        })
    }

    /// Sends a body of JSON. Ok is any 2xx, whatever else the answer says.
    pub(super) async fn post(&self, body: Vec<u8>) -> Result<(), PostError> {
        let transport = |error: &dyn std::error::Error| PostError::Transport(chain(error));
        let mut request = Request::post(self.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("observer/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| transport(&error))?;
        let deadline = Instant::now() + self.total;
        let answer = timeout_at(deadline, self.http.request(request)).await;
        let answer = answer
            .map_err(|_| PostError::Timeout(self.total))?
            .map_err(|error| transport(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        // What came in time is enough.
        drop(timeout_at(deadline, excerpt(answer.into_body(), &mut bytes)).await);
        bytes.truncate(EXCERPT_BYTES);
        Err(PostError::Status {
            status,
            excerpt: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }
}

async fn excerpt(mut body: Incoming, bytes: &mut Vec<u8>) {
    while bytes.len() < EXCERPT_BYTES {
        let Some(Ok(frame)) = body.frame().await else {
            return;
        };
        if let Ok(data) = frame.into_data() {
            let missing = EXCERPT_BYTES - bytes.len();
            bytes.extend_from_slice(data.get(..missing).unwrap_or(&data));
        }
    }
}

/// Address that requests go to.
fn target(kind: SinkKind, uri: &Uri) -> Result<Uri, hyper::http::uri::InvalidUri> {
    match kind {
        SinkKind::Webhook => Ok(uri.clone()),
        SinkKind::Alertmanager => {
            let text = uri.to_string();
            let (base, query) = match text.split_once('?') {
                Some((base, query)) => (base, format!("?{query}")),
                None => (text.as_str(), String::new()),
            };
            let base = base.trim_end_matches('/');
            format!("{base}/api/v2/alerts{query}").parse()
        }
    }
}

fn authorization(url: &SinkUrl) -> Result<Option<HeaderValue>, hyper::header::InvalidHeaderValue> {
    let Some(credentials) = url.credentials() else {
        return Ok(None);
    };
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials)))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn tls(entry: &SinkEntry) -> Result<ClientConfig, SinkError> {
    let roots_error = |why: String| SinkError::Roots {
        url: entry.url.to_string(),
        why,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| roots_error(error.to_string()))?;
    let builder = match &entry.ca {
        Some(path) => builder.with_root_certificates(roots(path)?),
        None if entry.url.is_https() => builder
            .with_native_roots()
            .map_err(|error| roots_error(error.to_string()))?,
        None => builder.with_root_certificates(RootCertStore::empty()),
    };
    Ok(builder.with_no_client_auth())
}

fn roots(path: &Path) -> Result<RootCertStore, SinkError> {
    let error = |why: String| SinkError::Ca {
        path: path.to_owned(),
        why,
    };
    let text = std::fs::read(path).map_err(|io| error(io.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|pem| error(pem.to_string()))?;
        roots
            .add(certificate)
            .map_err(|wrong: rustls::Error| error(wrong.to_string()))?;
    }
    if roots.is_empty() {
        return Err(error("no certificate in it".to_owned()));
    }
    Ok(roots)
}

/// An error with what led to it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
