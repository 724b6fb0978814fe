//! Request middleware: what is checked of every request, whatever its path. Who asks, by which method,
//! and how long the answer may take.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderName,
    HeaderValue, TRANSFER_ENCODING, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;

use super::limits::ServerLimits;
use super::paths;
use super::secrets::Secrets;
use crate::exporter::api;
use crate::exporter::metrics::http::{FullScanOutcome, Handler, HttpTallies};

/// Checks of every request, with what they need.
#[derive(Debug, Clone)]
pub(super) struct RequestMiddleware {
    pub(super) limits: ServerLimits,
    pub(super) secrets: Secrets,
    pub(super) tallies: Arc<HttpTallies>,
}

/// Headers of every answer: nothing here loads anything from anywhere, and nothing is worth keeping.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (VARY, HeaderValue::from_static("Accept, Accept-Encoding")),
];

/// Answers by the handlers of `next`, or says why not; counts either.
pub(super) async fn apply(
    State(middleware): State<RequestMiddleware>,
    request: Request,
    next: Next,
) -> Response {
    let handler = paths::handler(request.uri().path());
    let mut response = middleware.answer(handler, request, next).await;
    response.headers_mut().extend(HEADERS);
    let code = response.status().as_u16();
    middleware.tallies.answered(handler, code);
    response
}

impl RequestMiddleware {
    async fn answer(&self, handler: Handler, request: Request, next: Next) -> Response {
        if has_body(request.headers()) {
            let mut response = refuse(
                handler,
                StatusCode::BAD_REQUEST,
                "requests have no body here",
            );
            // What follows is not read.
            let headers = response.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
        if let Some(users) = self.secrets.users() {
            match timeout(self.limits.request, users.admit(request.headers())).await {
                Ok(true) => {}
                Ok(false) => return unauthorized(handler),
                Err(_) => return too_late(handler, self.limits.request),
            }
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let why = "there is nothing to change here: use GET or HEAD";
            let mut response = refuse(handler, StatusCode::METHOD_NOT_ALLOWED, why);
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        let limit = match handler {
            Handler::Sockets => self.limits.full_scan,
            _ => self.limits.request,
        };
        match timeout(limit, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                if handler == Handler::Sockets {
                    self.tallies.full_scan(FullScanOutcome::Late);
                }
                too_late(handler, limit)
            }
        }
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length.as_bytes() != b"0")
}

fn unauthorized(handler: Handler) -> Response {
    let why = "a name and a password are needed";
    let mut response = refuse(handler, StatusCode::UNAUTHORIZED, why);
    let challenge = HeaderValue::from_static("Basic realm=\"observer\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

fn too_late(handler: Handler, limit: Duration) -> Response {
    let limit_s = limit.as_secs_f64();
    let why =
        format!("no answer within {limit_s} s: this host is busy, or too many ask; try later");
    refuse(handler, StatusCode::SERVICE_UNAVAILABLE, &why)
}

/// Refusal, in the form that the handler answers in.
fn refuse(handler: Handler, status: StatusCode, why: &str) -> Response {
    match handler {
        Handler::Sockets => api::error(status, why),
        _ => (status, format!("{why}\n")).into_response(),
    }
}
