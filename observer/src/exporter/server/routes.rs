//! Routes: the answer at each path.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::middleware::{RequestMiddleware, apply};
use super::paths::{HEALTHY, METRICS, READY, SOCKETS, STATUS};
use crate::exporter::api;
use crate::exporter::cached_body::CompressibleBody;
use crate::exporter::negotiate::{Format, takes_gzip};
use crate::exporter::state::{Exporter, Readiness};

pub(super) fn router(exporter: Arc<Exporter>, middleware: RequestMiddleware) -> Router {
    Router::new()
        .route(STATUS, get(status))
        .route(METRICS, get(metrics))
        .route(SOCKETS, get(api::sockets))
        .route(HEALTHY, get(healthy))
        .route(READY, get(ready))
        .fallback(nothing)
        .with_state(exporter)
        .layer(from_fn_with_state(middleware, apply))
}

async fn metrics(State(exporter): State<Arc<Exporter>>, headers: HeaderMap) -> Response {
    let format = Format::preferred(&headers);
    let content_type = HeaderValue::from_static(format.content_type());
    respond(&exporter.metrics_body(format), content_type, &headers)
}

async fn status(State(exporter): State<Arc<Exporter>>, headers: HeaderMap) -> Response {
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    respond(&exporter.page_body(), content_type, &headers)
}

fn respond(body: &CompressibleBody, content_type: HeaderValue, headers: &HeaderMap) -> Response {
    let mut response = if takes_gzip(headers) {
        let gzip = HeaderValue::from_static("gzip");
        ([(CONTENT_ENCODING, gzip)], body.gzip()).into_response()
    } else {
        body.plain().into_response()
    };
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

async fn healthy() -> &'static str {
    "observer serves\n"
}

async fn ready(State(exporter): State<Arc<Exporter>>) -> (StatusCode, String) {
    let not_yet = StatusCode::SERVICE_UNAVAILABLE;
    match exporter.readiness() {
        Readiness::Ready => (StatusCode::OK, "observer is ready\n".to_owned()),
        Readiness::NoScanYet => (not_yet, "the first scan has not finished\n".to_owned()),
        Readiness::Old(age) => {
            let age_s = age.as_secs();
            (not_yet, format!("the last scan finished {age_s} s ago\n"))
        }
    }
}

async fn nothing() -> (StatusCode, &'static str) {
    let what = "there is nothing here: see / for what there is\n";
    (StatusCode::NOT_FOUND, what)
}
