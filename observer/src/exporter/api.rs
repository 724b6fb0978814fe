//! `/api/v1/sockets`: a scan of every socket, as the document that `observer list -o json` prints.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::chunked_body::{BodyWriter, chunked_body};
use super::full_scan::FullScan;
use super::host_info::HostInfo;
use super::metrics::http::FullScanOutcome;
use super::negotiate::takes_gzip;
use super::state::Exporter;
use crate::model::Socket;
use crate::model::scan::with_lost_to_hooks;
use crate::policy::{Judged, Selection};
use crate::render::json::{self, Meta};
use crate::render::order::{self, SortOrder};
use crate::text::escape;

type Pairs = Vec<(String, String)>;

pub(super) async fn sockets(
    State(exporter): State<Arc<Exporter>>,
    query: Result<Query<Pairs>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let pairs = match query {
        Ok(Query(pairs)) => pairs,
        Err(wrong) => return error(StatusCode::BAD_REQUEST, &wrong.body_text()),
    };
    let selection = match (exporter.settings.read_query)(&pairs) {
        Ok(selection) => selection,
        Err(why) => return error(StatusCode::BAD_REQUEST, &why),
    };
    // Whoever finds others waiting waits too; the server gives up for them.
    let slots = Arc::clone(&exporter.full_scan_slots);
    let Ok(permit) = slots.acquire_owned().await else {
        return unavailable("the agent stops");
    };
    let tallies = exporter.metrics().http();
    let scan = match exporter.settings.full_scans.ask().await {
        Ok(scan) => scan,
        Err(why) => {
            tallies.full_scan(FullScanOutcome::Error);
            return unavailable(&why);
        }
    };
    tallies.full_scan(FullScanOutcome::Ok);
    let compressed = takes_gzip(&headers);
    let host = exporter.host.clone();
    let (writer, body) = chunked_body();
    // Nobody waits for it: it ends when the document is sent, or its reader gone.
    drop(tokio::task::spawn_blocking(move || {
        // Keeps others from being made meanwhile.
        let _permit = permit;
        let ended = write_body(writer, compressed, &scan, &selection, &host);
        if let Err(error) = ended {
            tracing::debug!("a document of sockets: {error}");
        }
    }));
    let Some(body) = body.begun().await else {
        return unavailable("the document could not be made");
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    if compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn write_body(
    writer: BodyWriter,
    compressed: bool,
    scan: &FullScan,
    selection: &Selection,
    host: &HostInfo,
) -> io::Result<()> {
    if !compressed {
        let mut writer = writer;
        document(&mut writer, scan, selection, host)?;
        return writer.finish();
    }
    let mut encoder = GzEncoder::new(writer, Compression::fast());
    document(&mut encoder, scan, selection, host)?;
    encoder.finish()?.finish()
}

fn document(
    to: &mut dyn Write,
    scan: &FullScan,
    selection: &Selection,
    host: &HostInfo,
) -> io::Result<()> {
    let states = selection.scan_states();
    let seen = || {
        let sockets = scan.sockets.iter();
        sockets.filter(|socket| states.contains(socket.state))
    };
    let selected = seen().filter(|socket| selection.matches_socket(socket));
    // Only the owners that were asked for are put first, and the scan is also others'.
    let asks_for_owners = !(selection.pids.is_empty() && selection.comms.is_empty());
    let mut own = Vec::new();
    let selected: Vec<&Socket> = if asks_for_owners {
        own.extend(selected.cloned());
        selection.put_asked_owners_first(&mut own);
        own.iter().collect()
    } else {
        selected.collect()
    };
    // Growing step by step would hold it twice.
    let mut judged = Vec::with_capacity(selected.len());
    let all = selected
        .into_iter()
        .map(|socket| Judged::by(&scan.policy, socket));
    judged.extend(all.filter(|judged| selection.matches_judgement(&judged.judgement)));
    order::sort(&mut judged, SortOrder::Danger);
    let unknown = with_lost_to_hooks(scan.unknown.clone(), host.hooks);
    let meta = Meta {
        taken_at: scan.taken_at,
        host: Cow::Borrowed(&host.host),
        kernel: Cow::Borrowed(&host.kernel),
        scan: host.scan,
        hooks: host.hooks,
        scan_tenth_ms: u64::try_from(scan.took.as_micros() / 100).unwrap_or(u64::MAX),
        sockets_seen: seen().count(),
        unknown: &unknown,
    };
    json::document(to, &meta, &judged, 1)
}

fn unavailable(why: &str) -> Response {
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE, why);
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// `{"error": "..."}`
pub(super) fn error(status: StatusCode, why: &str) -> Response {
    let mut body = b"{\"error\":".to_vec();
    escape::push_json(&mut body, why.as_bytes());
    body.extend_from_slice(b"}\n");
    (status, [(CONTENT_TYPE, JSON)], body).into_response()
}
