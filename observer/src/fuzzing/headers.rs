//! Headers of HTTP requests: what a client takes, and who it is.

use axum::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName};
use axum::http::{HeaderMap, HeaderValue};

use crate::exporter::auth::credentials;
use crate::exporter::negotiate::{Format, takes_gzip};

/// Reads the lines of the input as the values of one header that is sent several times.
pub fn check(input: &[u8]) {
    let (headers, text) = (request(input), String::from_utf8_lossy(input));
    let names_it = text.to_ascii_lowercase().contains("openmetrics");
    assert!(Format::preferred(&headers) == Format::Text || names_it);
    assert!(
        !takes_gzip(&headers) || text.to_ascii_lowercase().contains("gzip") || text.contains('*')
    );
    if let Some((user, _password)) = credentials(&headers) {
        assert!(!user.contains(':'));
    }
}

fn request(input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: HeaderName, value: &HeaderValue| headers.append(name, value.clone());
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            add(ACCEPT, &value);
            add(ACCEPT_ENCODING, &value);
            add(AUTHORIZATION, &value);
        }
    }
    headers
}
